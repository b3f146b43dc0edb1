"""Samples of a check, and what it says of them. `bonded check test` and the test suite both run this.

`samples/flag/*` must be flagged: at least one finding of medium severity or more. `samples/pass/*` must not. A sample is

- `NAME.py`: the `__init__.py` of a package in a wheel; `setup.py` or `setup-NAME.py`: the setup.py of an sdist; `NAME.pth`:
  a start-up file in a wheel;
- a folder: the members of a wheel, or of an sdist if it holds a setup.py or a pyproject.toml;
- `NAME.toml`: `[context]` for a check that needs one, and `[[members]]` with `path`, `text` or `base64`, and `times` to
  repeat it, for an archive that cannot be written as files.

Samples are our own, inert and minimal: hosts under example.invalid, payloads that print. Never real malware or a part of it.
"""

from __future__ import annotations

import base64
import io
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bonded.checks.context import Context, Neighbour
from bonded.checks.kit import Check
from bonded.checks.registry import folder_of
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

    @property
    def right(self) -> bool:
        flagged = any(one.severity in GRAVE for one in self.findings)
        return flagged == (self.sample.expected == FLAG)


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
    return [Outcome(sample, tuple(findings(one, sample))) for sample in samples(one)]


def findings(one: Check, sample: Sample) -> list[Finding]:
    """What the check finds in one sample."""
    data, filename = archive_of(sample.path)
    facts = read(io.BytesIO(data), filename)
    return one.run(facts, context_of(sample.path) if one.needs_context else None)


def context_of(path: Path) -> Context:
    """The context that a TOML sample describes."""
    table = tomllib.loads(path.read_text("utf-8")).get("context", {})
    near = table.pop("nearest", None)
    return Context(**table, nearest=Neighbour(**near) if near else None)


def archive_of(path: Path) -> tuple[bytes, str]:
    """The archive that a sample stands for, and its file name."""
    if path.suffix == ".toml":
        return _wheel(_described(path))
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


def _described(path: Path) -> Members:
    members: Members = []
    for one in tomllib.loads(path.read_text("utf-8")).get("members", []):
        data = base64.b64decode(one["base64"]) if "base64" in one else str(one.get("text", "")).encode()
        members += [(one["path"], data * one.get("repeat", 1))] * one.get("times", 1)
    return members


def _wheel(members: Members) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*members, ("sample-1.0.dist-info/METADATA", _METADATA.encode())]:
            _write(archive, name, data)
    return buffer.getvalue(), "sample-1.0-py3-none-any.whl"


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two members of one name: some samples are about that
        archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)


def _sdist(members: Members) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in [*members, ("PKG-INFO", _METADATA.encode())]:
            info = tarfile.TarInfo(f"sample-1.0/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue(), "sample-1.0.tar.gz"


def describe(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain values, for printing."""
    return {
        "sample": f"{outcome.sample.expected}/{outcome.sample.path.name}",
        "right": outcome.right,
        "findings": [f"{one.severity.value}: {one.message}" for one in outcome.findings],
    }
