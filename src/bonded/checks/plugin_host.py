"""What runs in the interpreter of an outside package, in a sandboxed child: JSON in, JSON out, version 1 of the protocol.

Needs the standard library and our own pure code only, from Python 3.11 on. The calls, each in a child of its own:

- `candidates_call` {"protocol": 1, "folders": [path...], "entry_points": bool} -> [{"name", "module", "path", "from"}...]
- `describe_call` {"protocol": 1, "module", "path"} -> {"name", "version", "severity", "sentence", "subject",
  "needs_context", "documentation", "folder", "rules"}
- `run_call` {"protocol": 1, "module", "path", "context"}, facts as the attachment -> [finding...]

A finding is {"severity", "confidence", "message", "path", "line", "end_line", "excerpt", "when", "trace"}. `path` is the
folder that a check is imported from when it is not installed. What goes wrong is {"error": one sentence}.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from bonded.checks.context import Context
from bonded.checks.kit import Check
from bonded.facts.model import FACTS_VERSION, Facts, build
from bonded.values.finding import Finding

PROTOCOL = 1
ENTRY_POINT = "bonded.checks"
_DATA = (".py", ".txt", ".toml", ".json")
_MACHINERY = (__file__, importlib.__file__)
_MESSAGE, _STEPS, _STEP = 600, 20, 300


class Wrong(Exception):
    """The package is at fault; the message is one sentence."""


def candidates_call(argument: bytes, _attachment: BinaryIO | None) -> bytes:
    """Where checks may be: entry points of this interpreter and folders with a check.py. Imports none of them."""
    asked = _asked(argument)
    found = _entry_points() if asked["entry_points"] else []
    for folder in asked["folders"]:
        names = [path.parent.name for path in sorted(Path(folder).glob("*/check.py"))]
        # A name that is no UTF-8 text is no module's: that one cannot be imported, and all others can.
        told = [name.encode("utf-8", "replace").decode() for name in names]
        found += [{"name": name, "module": f"{name}.check", "path": folder, "from": name} for name in told]
    return json.dumps(found).encode()


def _entry_points() -> list[dict[str, str]]:
    found = []
    for point in importlib.metadata.entry_points(group=ENTRY_POINT):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value
        found.append({"name": point.name, "module": point.value.split(":")[0].strip(), "path": "", "from": origin})
    return sorted(found, key=lambda one: (one["module"], one["from"]))


def describe_call(argument: bytes, _attachment: BinaryIO | None) -> bytes:
    """What the check of one module declares."""
    return _answer(lambda: _describe(_asked(argument)))


def run_call(argument: bytes, attachment: BinaryIO | None) -> bytes:
    """What the check of one module finds in the facts."""
    assert attachment is not None
    return _answer(lambda: _run(_asked(argument), attachment.read()))


def _asked(argument: bytes) -> dict[str, Any]:
    asked: dict[str, Any] = json.loads(argument)
    if asked.get("protocol") != PROTOCOL:
        raise Wrong(f"this host speaks protocol {PROTOCOL}, not {asked.get('protocol')}")
    return asked


def _describe(asked: dict[str, Any]) -> dict[str, Any]:
    one = _load(asked)
    file = Path(str(sys.modules[one.module].__file__))
    folder = file.parent if "." in one.module else file.with_suffix("")  # a module alone has no folder of its own
    return {
        "name": one.name,
        "version": one.version,
        "severity": one.severity.value,
        "sentence": one.sentence,
        "subject": one.subject.value,
        "needs_context": one.needs_context,
        "documentation": one.documentation[:20_000],
        "folder": str(folder),
        "rules": _rules(folder, file),
    }


def _load(asked: dict[str, Any]) -> Check:
    """The one check that the module declares. Importing it is the package's own code: it may fail in any way."""
    sys.argv = [asked["module"]]
    if asked["path"]:
        sys.path.insert(0, asked["path"])
    module = importlib.import_module(asked["module"])
    declared = [value for value in vars(module).values() if isinstance(value, Check)]
    if len(declared) != 1:
        raise Wrong(f"{asked['module']} declares {len(declared)} checks, not one")
    return declared[0]


def _run(asked: dict[str, Any], facts_json: bytes) -> list[dict[str, Any]]:
    one = _load(asked)
    raw = json.loads(facts_json)
    if raw.get("facts_version") != FACTS_VERSION:
        raise Wrong(f"facts of version {raw.get('facts_version')} are not known here")
    context = build(Context, asked["context"]) if asked["context"] is not None else None
    return [_plain(finding) for finding in one.run(build(Facts, raw), context)]


def _plain(finding: Finding) -> dict[str, Any]:
    values = asdict(finding)
    values["message"] = str(finding.message)[:_MESSAGE]
    values["path"] = str(finding.path)[:4096]
    values["trace"] = [str(step)[:_STEP] for step in finding.trace[:_STEPS]]
    return values


def _answer(work: Callable[[], Any]) -> bytes:
    """What `work` gives, or what it died of: the author's mistake as one sentence with the line it stands on."""
    try:
        return json.dumps(work()).encode()
    except MemoryError:
        raise
    except Wrong as wrong:
        words = str(wrong)
    except SystemExit as end:
        words = f"it ended the program: exit status {end.code}"
    except BaseException as error:
        words = f"{type(error).__name__}: {error}{_place(error)}"
    return json.dumps({"error": " ".join(words.split())[:500]}).encode()


def _place(error: BaseException) -> str:
    """Where the package's own code was, as far as it got that far."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if not one.filename.startswith("<") and one.filename not in _MACHINERY]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def _rules(folder: Path, file: Path) -> str:
    """A hash of the check's code and data; of its samples, none."""
    inside = {one: one.relative_to(folder) for one in folder.rglob("*") if one.suffix in _DATA and one.is_file()}
    inside[file] = Path(file.name)
    digest = hashlib.sha256()
    for one, name in sorted(inside.items(), key=lambda item: item[1]):
        if name.parts[0] != "samples":
            data = name.as_posix().encode() + b"\0" + one.read_bytes()
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:32]
