"""Rewrites that change nothing of what a program does keep its alert, and no rewritten file slips past the pre-filter."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from bonded.checks.harness import FLAG, GRAVE, samples
from bonded.checks.kit import Check
from bonded.checks.registry import by_name
from bonded.checks.rewrites import REWRITES, Files
from bonded.facts import prefilter
from bonded.facts.read import read

CHECKS = (
    "decoded-or-downloaded-code-executed",
    "install-time-execution",
    "private-data-sent",
    "questionable-destination",
    "remote-shell",
    "secrets-collected",
    "person-watched",
    "given-secret-sent",
    "starts-by-itself",
    "dropped-program-run",
    "native-code-injection",
    "destructive-command",
    "hidden-process",
    "installs-by-itself",
)


def archive(path: str, source: str, files: Files) -> tuple[io.BytesIO, str]:
    """The program and its data files as a wheel, or as an sdist where it is a setup.py."""
    buffer = io.BytesIO()
    if path != "setup.py":
        with zipfile.ZipFile(buffer, "w") as wheel:
            for name, data in {
                "sample/__init__.py": source.encode(),
                **{f"sample/{n}": d for n, d in files.items()},
            }.items():
                wheel.writestr(name, data)
        name = "sample-1.0-py3-none-any.whl"
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as sdist:
            for member, data in {"setup.py": source.encode(), **files}.items():
                info = tarfile.TarInfo(f"sample-1.0/{member}")
                info.size = len(data)
                sdist.addfile(info, io.BytesIO(data))
        name = "sample-1.0.tar.gz"
    buffer.seek(0)
    return buffer, name


def positives() -> list[tuple[Check, Path]]:
    """Every positive sample that is one program."""
    found = []
    for name in CHECKS:
        one = by_name(name)
        assert one is not None
        found += [(one, s.path) for s in samples(one) if s.expected == FLAG and s.path.suffix == ".py"]
    return found


def flagged(path: str, source: str, files: Files) -> bool:
    buffer, name = archive(path, source, files)
    facts = read(buffer, name)
    every = [one for check in CHECKS for one in by_name(check).run(facts, None)]  # type: ignore[union-attr]
    return any(one.severity in GRAVE for one in every)


def outcomes() -> list[tuple[str, str, bool, bool]]:
    """(sample, rewrite, alert kept, parsed) for every sample under every rewrite."""
    rows = []
    for _, sample in positives():
        path = "setup.py" if sample.name.startswith("setup") else "sample/__init__.py"
        for name, rewrite in REWRITES.items():
            files: Files = {}
            source = rewrite(sample.read_text("utf-8"), files)
            data = source.encode()
            groups = prefilter.hits(data)
            parsed = prefilter.matters(data, groups) or prefilter.reaches_out(data, groups) or path == "setup.py"
            rows.append((sample.name, name, flagged(path, source, files), parsed))
    return rows


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, str, bool, bool]]:
    return outcomes()


def test_there_are_twelve_rewrites_of_a_dozen_programs(rows: list[tuple[str, str, bool, bool]]) -> None:
    assert len(REWRITES) == 12
    assert len({sample for sample, *_ in rows}) >= 12


def test_alerts_survive_rewrites(rows: list[tuple[str, str, bool, bool]]) -> None:
    lost = [(sample, rewrite) for sample, rewrite, kept, _ in rows if not kept]
    assert len(lost) <= 0.05 * len(rows), lost


def test_no_rewrite_slips_past_the_prefilter(rows: list[tuple[str, str, bool, bool]]) -> None:
    assert [(sample, rewrite) for sample, rewrite, _, parsed in rows if not parsed] == []
