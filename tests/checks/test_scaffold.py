"""A scaffolded check works at once, and bad names are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bonded.checks import harness, registry
from bonded.checks.scaffold import CannotScaffold, scaffold


def test_the_scaffold_is_a_check_that_passes_its_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = scaffold(tmp_path, "made-by-scaffold", "Says something")
    assert [file.relative_to(tmp_path).as_posix() for file in files] == [
        "made_by_scaffold/__init__.py",
        "made_by_scaffold/check.py",
        "made_by_scaffold/samples/flag/at_import.py",
        "made_by_scaffold/samples/pass/when_called.py",
    ]
    monkeypatch.syspath_prepend(str(tmp_path))
    one = registry.load("made_by_scaffold.check")
    assert (one.name, one.sentence) == ("made-by-scaffold", "Says something.")
    assert harness.problems(one) == []
    assert [(outcome.sample.expected, outcome.right) for outcome in harness.run(one)] == [
        ("flag", True),
        ("pass", True),
    ]


def test_bad_requests_are_refused(tmp_path: Path) -> None:
    scaffold(tmp_path, "there-already", "Says something.")
    for name, sentence in (
        ("there-already", "A."),
        ("Bad Name", "A."),
        ("../x", "A."),
        ("x", ""),
        ("x", 'a "quote"'),
        ("x", "y" * 300),
    ):
        with pytest.raises(CannotScaffold):
            scaffold(tmp_path, name, sentence)


def test_a_check_without_words_or_samples_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scaffold(tmp_path, "bare-check", "Says something")
    for file in (tmp_path / "bare_check" / "samples").rglob("*.py"):
        file.unlink()
    code = tmp_path / "bare_check" / "check.py"
    code.write_text('"""Short."""\n' + code.read_text().split('"""', 2)[2])
    monkeypatch.syspath_prepend(str(tmp_path))
    assert len(harness.problems(registry.load("bare_check.check"))) == 3
