"""Every positive sample whose program is what is alerted, under every rewrite: whether its verdict is still an alert.

`bench/scan.py` takes its figure of evasion from here.
"""

from __future__ import annotations

import ast
import io
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from bonded.checks.context import Context
from bonded.checks.harness import FLAG, Members, Sample, archive_of, context_of, samples
from bonded.checks.registry import built_in
from bonded.checks.rewrites import REWRITES, Files
from bonded.facts import prefilter
from bonded.facts.read import read
from bonded.screening.policy import Policy, decide
from bonded.values.states import Verdict


@dataclass(frozen=True, slots=True)
class Positive:
    """A sample with a verdict that is not `clear`, and `clear` without its program. `name` is "check/sample"."""

    name: str
    members: Members
    filename: str
    context: Context | None

    @property
    def programs(self) -> list[str]:
        return [path for path, data in self.members if path.endswith(".py") and data.strip()]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a sample under a rewrite. `parsed`: none of its programs slipped past the pre-filter that did not before."""

    sample: str
    rewrite: str
    kept: bool
    parsed: bool


def positives() -> list[Positive]:
    """Every sample to be flagged that holds Python, and whose Python is what is alerted."""
    every = [(check.name, one) for check in built_in() for one in samples(check) if one.expected == FLAG]
    found = [_positive(name, one) for name, one in every]
    return [one for one in found if one.programs and is_alert(one, one.members) and not is_alert(one, _emptied(one))]


def outcomes(share: int = 1) -> list[Outcome]:
    """Every rewrite of every positive sample that changes it; or one in `share` of them, the rewrites by turns."""
    rows = []
    for at, one in enumerate(positives()):
        for name in list(REWRITES)[at % share :: share]:
            members = rewritten(one, name)
            if members is not None:
                rows.append(Outcome(one.name, name, is_alert(one, members), _is_parsed(one, members)))
    return rows


def rewritten(one: Positive, name: str) -> Members | None:
    """The members with each program rewritten; None where that changes nothing, or the sample is no Python that can be parsed."""
    members: Members = []
    changed = False
    for path, data in one.members:
        if path not in one.programs:
            members.append((path, data))
            continue
        files: Files = {}
        try:
            source = REWRITES[name](data.decode(), files)
            changed |= source not in (plainly(data), data.decode())
        except SyntaxError:
            return None
        folder = path.rpartition("/")[0]
        members += [(path, source.encode()), *((f"{folder}/{file}".lstrip("/"), more) for file, more in files.items())]
    return members if changed else None


def plainly(data: bytes) -> str:
    """The program written anew from its syntax tree: what every rewrite does besides."""
    return ast.unparse(ast.parse(data)) + "\n"


def plain(one: Positive) -> Members:
    """The members, with the programs written anew and nothing else."""
    return [(path, plainly(data).encode() if path in one.programs else data) for path, data in one.members]


def is_alert(one: Positive, members: Members) -> bool:
    """Whether the verdict of all built-in checks on these members is not `clear`."""
    facts = read(_packed(members, one.filename), one.filename)
    checks = [check for check in built_in() if one.context is not None or not check.needs_context]
    findings = [finding for check in checks for finding in check.run(facts, one.context)]
    return decide(findings, Policy()).verdict is not Verdict.CLEAR


def _positive(check: str, sample: Sample) -> Positive:
    data, filename = archive_of(sample.path)
    context = context_of(sample.path) if sample.path.suffix == ".toml" else None
    return Positive(f"{check}/{sample.path.name}", list(_unpacked(data, filename)), filename, context)


def _emptied(one: Positive) -> Members:
    return [(path, b"" if path in one.programs else data) for path, data in one.members]


def _is_parsed(one: Positive, members: Members) -> bool:
    before = [data for path, data in one.members if path in one.programs and _matters(data)]
    after = [data for path, data in members if path in one.programs and (_matters(data) or path.endswith("setup.py"))]
    return len(after) >= len(before)


def _matters(data: bytes) -> bool:
    groups = prefilter.hits(data)
    return prefilter.matters(data, groups) or prefilter.reaches_out(len(data), groups)


def _unpacked(data: bytes, filename: str) -> Iterator[tuple[str, bytes]]:
    if filename.endswith(".whl"):
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            yield from [(info.filename, wheel.read(info)) for info in wheel.infolist()]
        return
    with tarfile.open(fileobj=io.BytesIO(data)) as sdist:
        for info in sdist:
            stream = sdist.extractfile(info)
            assert stream is not None
            yield info.name, stream.read()


def _packed(members: Members, filename: str) -> io.BytesIO:
    buffer = io.BytesIO()
    if filename.endswith(".whl"):
        with zipfile.ZipFile(buffer, "w") as wheel:
            for path, data in members:
                with warnings.catch_warnings(action="ignore"):  # two members of one name: a sample is about that
                    wheel.writestr(zipfile.ZipInfo(path), data)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as sdist:
            for path, data in members:
                info = tarfile.TarInfo(path)
                info.size = len(data)
                sdist.addfile(info, io.BytesIO(data))
    buffer.seek(0)
    return buffer
