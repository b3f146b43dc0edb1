"""What runs inside the sandbox: making facts of an archive, and running checks over facts. Bytes in, bytes out."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import orjson

from bonded.checks import near, popular
from bonded.checks.context import Context
from bonded.checks.kit import Check
from bonded.checks.registry import discover
from bonded.facts import prefilter, salvage
from bonded.facts.kept import Known, Left, pack
from bonded.facts.model import Facts, build, dump, load, sealed
from bonded.facts.read import read
from bonded.screening.evidence import keep
from bonded.screening.warming import archives
from bonded.values.finding import Finding


def warm() -> None:
    """Import, compile and load everything once, in the fork server."""
    prefilter.warm()
    salvage.warm()
    popular.warm()
    near.warm()
    checks = discover()
    for stream, name in archives():
        _outputs([one.name for one in checks], load(dump(read(stream, name))), Context())


def framed(data: bytes) -> bytes:
    """`data` behind eight bytes with its length."""
    return len(data).to_bytes(8, "big") + data


def unframed(data: bytes) -> tuple[list[bytes], bytes]:
    """The framed parts that `data` begins with, and what follows the last whole one."""
    found: list[bytes] = []
    at = 0
    while at + 8 <= len(data) and (end := at + 8 + int.from_bytes(data[at : at + 8], "big")) <= len(data):
        found.append(data[at + 8 : end])
        at = end
    return found, data[at:]


@dataclass(frozen=True, slots=True)
class CheckOutput:
    """What one check gave. `failure` is "" or why it has no findings; `seconds` is processor time."""

    check: str
    findings: tuple[Finding, ...]
    failure: str
    seconds: float = 0.0


def screen_call(argument: bytes, attachment: BinaryIO | None) -> Iterator[bytes]:
    """Facts of the archive that is attached, then what checks say over them.

    `argument` is framed: {"filename", "checks", "context", "keeps"}, then what was kept of archives before (`facts.kept`).
    Gives framed the facts as JSON, framed what is kept of this one (empty unless it `keeps`), then [CheckOutput] as JSON.
    """
    assert attachment is not None
    (head, *before), _ = unframed(argument)
    asked = orjson.loads(head)
    context = build(Context, asked["context"]) if asked["context"] is not None else None
    left = Left() if asked["keeps"] else None
    facts, data = sealed(read(attachment, asked["filename"], known=Known(before) if before else None, left=left))
    yield framed(data)
    yield framed(pack(left) if left is not None else b"")
    yield orjson.dumps(_outputs(asked["checks"], facts, context))


def checks_call(argument: bytes, attachment: BinaryIO | None) -> bytes:
    """`argument` is {"checks": [names], "context": {...}|null}, the attachment facts; gives [CheckOutput] as JSON."""
    assert attachment is not None
    asked = orjson.loads(argument)
    context = build(Context, asked["context"]) if asked["context"] is not None else None
    facts = load(attachment.read())
    return orjson.dumps(_outputs(asked["checks"], facts, context))


def many_call(argument: bytes, attachment: BinaryIO | None) -> bytes:
    """As `checks_call` for many: `argument` is [{"checks", "context", "size"}], the attachment their facts one after the
    other; gives [[CheckOutput]] as JSON."""
    assert attachment is not None
    found = []
    for asked in orjson.loads(argument):
        facts = load(attachment.read(asked["size"]))
        context = build(Context, asked["context"])
        found.append(_outputs(asked["checks"], facts, context))
    return orjson.dumps(found)


def _outputs(names: list[str], facts: Facts, context: Context | None) -> list[CheckOutput]:
    """What each check gives. The clock is read once between two of them: asking for processor time enters the kernel."""
    known = {one.name: one for one in discover()}
    found, began = [], time.process_time()
    for name in names:
        output = _output(name, known.get(name), facts, context)
        ended = time.process_time()
        found.append(replace(output, seconds=round(ended - began, 6)))
        began = ended
    return found


def _output(name: str, one: Check | None, facts: Facts, context: Context | None) -> CheckOutput:
    if one is None:
        return CheckOutput(name, (), "it is not installed in the sandbox")
    try:
        return CheckOutput(name, tuple(one.run(facts, context)), "")
    except MemoryError:
        raise
    except Exception as error:  # a check's defect is a finding about the check, and harms no other
        last = traceback.extract_tb(error.__traceback__)[-1]
        return CheckOutput(name, (), f"{type(error).__name__}: {error} (line {last.lineno})"[:500])


def evidence_call(argument: bytes, attachment: BinaryIO | None) -> bytes:
    """`argument` is {"filename", "wanted": [[path, line, end_line, [decoded...]]...]}; gives the kept texts as JSON."""
    assert attachment is not None
    asked = orjson.loads(argument)
    return orjson.dumps(keep(attachment, asked["filename"], asked["wanted"]))
