"""Pages are made from the code and committed; the tutorial's commands are run."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bonded.checks import catalogue
from bonded.checks.pages import filename, list_all, page, write
from bonded.checks.registry import built_in, discover

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "check-author"
ADMINISTRATOR = ROOT / "docs" / "administrator"


@pytest.mark.parametrize("one", discover(), ids=lambda one: one.name)
def test_the_committed_page_is_the_generated_one(one: object) -> None:
    written = (DOCS / filename(one)).read_text("utf-8")  # type: ignore[arg-type]
    assert written == page(one), "run: bonded check pages docs/check-author"  # type: ignore[arg-type]


def test_the_catalogue_lists_every_check_and_is_the_generated_one() -> None:
    path = DOCS / catalogue.NAME
    listed = catalogue.costs_in(path.read_text("utf-8"))
    assert set(listed) == {one.name for one in built_in()}, "run: bonded check pages docs/check-author"
    assert path.read_text("utf-8") == list_all(DOCS, built_in(), measured=False), (
        "run: bonded check pages docs/check-author"
    )


def test_costs_in_the_catalogue_are_about_right() -> None:
    written = catalogue.costs_in((DOCS / catalogue.NAME).read_text("utf-8"))
    for name, milliseconds in catalogue.measure(built_in(), {}).items():
        assert milliseconds <= 20 * written.get(name, 1.0) + 5, name


def test_a_cost_that_is_about_right_stays_as_it_is_written() -> None:
    assert catalogue.to_write(0.3, 0.3 * 2) == 0.3 * 2
    assert catalogue.to_write(0.3, 0.3 / 2) == 0.3 / 2
    assert catalogue.to_write(0.347, 0.3 * 1000) == 0.3
    assert catalogue.to_write(34.7, 0.03) == 30
    assert catalogue.to_write(0.347, None) == 0.3


def test_behaviours_name_checks_that_are_there() -> None:
    names = {one.name for one in built_in()}
    assert {name for every in catalogue.BEHAVIOURS.values() for name in every} <= names
    page = catalogue.page(built_in(), {}, {name: f"check-{name}.md" for name in names}).partition("## By behaviour")[2]
    for name in names:
        assert f"[{name}](check-{name}.md)" in page
        assert all(behaviour in page for behaviour in catalogue.behaviours_of(name))


def test_pages_of_checks_that_are_gone_are_removed_and_others_untouched(tmp_path: Path) -> None:
    (tmp_path / "check-gone.md").write_text("")
    (tmp_path / "other.md").write_text("")
    written = write(tmp_path, discover()[:1])
    assert sorted(tmp_path.iterdir()) == sorted([*written, tmp_path / "other.md"])
    before = {path: path.stat().st_mtime_ns for path in written}
    assert {path: path.stat().st_mtime_ns for path in write(tmp_path, discover()[:1])} == before


def test_a_sample_that_is_no_text_does_not_stop_the_page(tmp_path: Path) -> None:
    one = built_in()[0]
    for kind in ("flag", "pass"):
        (tmp_path / "samples" / kind).mkdir(parents=True)
        (tmp_path / "samples" / kind / "a.py").write_bytes(b"\xff\xfe")
        (tmp_path / "samples" / kind / "b.py").write_text(f"KIND = {kind!r}\n")
    made = page(replace(one, folder=str(tmp_path)))
    assert "KIND = 'flag'" in made
    assert "KIND = 'pass'" in made


def checked(*pages: Path) -> None:
    """Run or resolve every command and path of these pages."""
    words = [sys.executable, ROOT / "docs" / "check_docs.py", "--no-build", *pages]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_commands_and_paths_of_the_pages() -> None:
    checked(*(DOCS / f"{name}.md" for name in ("how-screening-works", "facts", "yara", "plugins")))
    checked(*(ADMINISTRATOR / f"{name}.md" for name in ("policy", "reviewing", "threats")))


@pytest.mark.slow
def test_the_tutorial_from_scaffold_to_evaluation_to_enabled() -> None:
    """Its commands as they stand on the page, against a running index with real uploads."""
    checked(DOCS / "tutorial.md")


def test_the_policy_of_the_page_holds_its_own_tests(tmp_path: Path) -> None:
    from bonded.screening.policy import Policy
    from bonded.screening.policy_file import load_policy

    text = (ADMINISTRATOR / "policy.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]
    path = tmp_path / "policy.toml"
    path.write_text(text)
    policy = load_policy(path)
    assert (policy.review, policy.reject, policy.severities, policy.times) == (
        Policy().review,
        Policy().reject,
        Policy().severities,
        Policy().times,
    )
