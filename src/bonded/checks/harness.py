"""Samples of a check, and what it says of them. `bonded check test` and the test suite both run this.

`samples/flag/*` must be flagged: at least one finding of medium severity or more. `samples/pass/*` must not. A sample is

- `NAME.py`: the `__init__.py` of a package in a wheel; `setup.py` or `setup-NAME.py`: the setup.py of an sdist; `NAME.pth`:
  a start-up file in a wheel;
- a folder: the members of a wheel, or of an sdist if it holds a setup.py or a pyproject.toml;
- `NAME.toml`: `[context]` for a check that needs or uses one; `metadata`, the text of METADATA or PKG-INFO; `sdist = true`; and
  `[[members]]` with `path`, `text` or `base64`, `times` to have the member more than once, and `repeat` to make it longer
  (`%d` in it counts), for an archive that cannot be written as files.

A check whose own severity is low or info flags with that: it is a hint that counts with others.

Samples are our own, inert and minimal: hosts under example.invalid, payloads that print. Never real malware or a part of it.
"""

from __future__ import annotations

import base64
import io
import tarfile
import time
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bonded.checks.context import Context
from bonded.checks.kit import Check
from bonded.checks.outside import Material
from bonded.checks.registry import folder_of
from bonded.facts.model import Facts, build, dump
from bonded.facts.read import read
from bonded.values.finding import Finding, Severity

FLAG, PASS = "flag", "pass"
GRAVE = frozenset({Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL})
_METADATA = "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n"
Members = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample; `expected` is "flag" or "pass"."""

    path: Path
    expected: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the check said of a sample."""

    sample: Sample
    findings: tuple[Finding, ...]
    own: Severity = Severity.MEDIUM
    """The severity of the check itself."""

    @property
    def right(self) -> bool:
        flagged = any(one.severity in GRAVE or one.severity is self.own for one in self.findings)
        return flagged == (self.sample.expected == FLAG)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a check found in one archive, and the processor seconds it took."""

    findings: list[Finding]
    cpu_seconds: float


class CannotJudge(Exception):
    """A check from outside broke; the message says how."""


class BadSample(Exception):
    """A sample that stands for no archive; the message is one sentence."""


def samples(one: Check) -> list[Sample]:
    """All samples of the check, in the order of their names."""
    folder = folder_of(one) / "samples"
    return [
        Sample(path, expected)
        for expected in (FLAG, PASS)
        for path in sorted((folder / expected).glob("*"))
        if path.name != "__pycache__"
    ]


def problems(one: Check) -> list[str]:
    """What the check lacks: documentation, or samples of either kind."""
    found = [] if len(one.documentation) >= 200 else [f"{one.name}: the docstring of check.py says too little"]
    expected = [sample.expected for sample in samples(one)]
    return found + [
        f"{one.name}: there is no sample under samples/{kind}" for kind in (FLAG, PASS) if kind not in expected
    ]


def run(one: Check) -> list[Outcome]:
    """Run the check on each of its samples."""
    return [outcome(one, sample) for sample in samples(one)]


def outcome(one: Check, sample: Sample) -> Outcome:
    """Run the check on one sample."""
    return Outcome(sample, tuple(findings(one, sample)), one.severity)


def findings(one: Check, sample: Sample) -> list[Finding]:
    """What the check finds in one sample."""
    data, filename = archive_of(sample.path)
    facts = read(io.BytesIO(data), filename)
    context = context_of(sample.path) if sample.path.suffix == ".toml" else None
    return judge(one, facts, context or (Context() if one.needs_context else None), data).findings


def judge(one: Check, facts: Facts, context: Context | None, archive: bytes) -> Judged:
    """What the check finds, wherever it runs. Raises CannotJudge when one from outside fails."""
    if one.runner is None:
        began = time.process_time()
        found = one.run(facts, context)
        return Judged(found, time.process_time() - began)
    material = Material(facts, dump(facts), context, io.BytesIO(archive), cpu_seconds=5.0, memory_bytes=512 * 2**20)
    (ran,) = one.runner.run([one], material)
    if ran.outcome != "ok":
        raise CannotJudge(ran.outcome)
    return Judged(list(ran.findings), ran.cpu_seconds)


def pack(members: Members, *, sdist: bool) -> tuple[bytes, str]:
    """An archive of these members, and its file name."""
    return _sdist(members) if sdist else _wheel(members)


def context_of(path: Path) -> Context | None:
    """The context that a TOML sample describes; None when it describes none. Raises BadSample."""
    with _told():
        table = tomllib.loads(path.read_text("utf-8")).get("context")
        return build(Context, table) if table is not None else None


def is_sample(path: Path) -> bool:
    """Whether a file or folder may stand for an archive, by its name."""
    return path.is_dir() or path.suffix in (".py", ".pth", ".toml")


def archive_of(path: Path) -> tuple[bytes, str]:
    """The archive that a sample stands for, and its file name. Raises BadSample."""
    with _told():
        return _archive_of(path)


@contextmanager
def _told() -> Iterator[None]:
    """What an author wrote that is no sample, as BadSample: a missing key, another type, a link that leads nowhere."""
    try:
        yield
    except OSError as error:
        raise BadSample(f"it cannot be read: {error.strerror}") from None
    except KeyError as error:
        raise BadSample(f"it stands for no archive: the key {error} is missing or unknown") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise BadSample(f"it stands for no archive: {error}") from None


def _archive_of(path: Path) -> tuple[bytes, str]:
    if path.suffix == ".toml":
        table = tomllib.loads(path.read_text("utf-8"))
        make = _sdist if table.get("sdist") else _wheel
        return make(_described(table), table.get("metadata", _METADATA))
    if path.is_dir():
        files = [one for one in sorted(path.rglob("*")) if one.is_file() and "__pycache__" not in one.parts]
        members = [(one.relative_to(path).as_posix(), one.read_bytes()) for one in files]
        names = {name for name, _ in members}
        return _sdist(members) if names & {"setup.py", "pyproject.toml"} else _wheel(members)
    if path.name.startswith("setup"):
        return _sdist([("setup.py", path.read_bytes())])
    if path.suffix == ".pth" or path.stem in ("sitecustomize", "usercustomize"):
        return _wheel([(path.name, path.read_bytes())])
    return _wheel([("sample/__init__.py", path.read_bytes())])


def _described(table: dict[str, Any]) -> Members:
    members: Members = []
    for one in table.get("members", []):
        data = base64.b64decode(one["base64"]) if "base64" in one else str(one.get("text", "")).encode()
        copies = (data.replace(b"%d", b"%d" % n) for n in range(one.get("repeat", 1))) if "repeat" in one else [data]
        members += [(one["path"], b"".join(copies))] * one.get("times", 1)
    return members


def _stem(metadata: str) -> str:
    """Name and version as the names of archives begin."""
    fields = dict(line.split(": ", 1) for line in metadata.partition("\n\n")[0].splitlines() if ": " in line)
    return f"{fields['Name'].replace('-', '_')}-{fields['Version']}"


def _wheel(members: Members, metadata: str = _METADATA) -> tuple[bytes, str]:
    buffer, stem = io.BytesIO(), _stem(metadata)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*members, (f"{stem}.dist-info/METADATA", metadata.encode())]:
            _write(archive, name, data)
    return buffer.getvalue(), f"{stem}-py3-none-any.whl"


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two members of one name: some samples are about that
        archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)


def _sdist(members: Members, metadata: str = _METADATA) -> tuple[bytes, str]:
    buffer, stem = io.BytesIO(), _stem(metadata)
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in [*members, ("PKG-INFO", metadata.encode())]:
            info = tarfile.TarInfo(f"{stem}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue(), f"{stem}.tar.gz"


def describe(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain values, for printing."""
    return {
        "sample": f"{outcome.sample.expected}/{outcome.sample.path.name}",
        "right": outcome.right,
        "findings": [f"{one.severity.value}: {one.message}" for one in outcome.findings],
    }
