"""Pages are made from the code and committed; the tutorial's commands are run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bonded.checks.pages import filename, page, write
from bonded.checks.registry import BadCheck, discover, in_folder

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "check-author"


@pytest.mark.parametrize("one", discover(), ids=lambda one: one.name)
def test_the_committed_page_is_the_generated_one(one: object) -> None:
    written = (DOCS / filename(one)).read_text("utf-8")  # type: ignore[arg-type]
    assert written == page(one), "run: bonded check pages docs/check-author"  # type: ignore[arg-type]


def test_pages_of_checks_that_are_gone_are_removed(tmp_path: Path) -> None:
    (tmp_path / "check-gone.md").write_text("")
    (tmp_path / "other.md").write_text("")
    written = write(tmp_path, discover()[:1])
    assert sorted(tmp_path.iterdir()) == sorted([*written, tmp_path / "other.md"])


@pytest.mark.parametrize("name", ["writing-a-check.md", "how-screening-works.md", "facts.md", "policy.md"])
def test_commands_and_paths_of_the_pages(name: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "check_docs.py", "--no-build", DOCS / name],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_policy_of_the_page_holds_its_own_tests(tmp_path: Path) -> None:
    from bonded.screening.policy import Policy
    from bonded.screening.policy_file import load_policy

    text = (DOCS / "policy.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]
    path = tmp_path / "policy.toml"
    path.write_text(text)
    policy = load_policy(path)
    assert (policy.review, policy.reject, policy.severities, policy.times) == (
        Policy().review,
        Policy().reject,
        Policy().severities,
        Policy().times,
    )


def test_a_folder_of_checks_that_cannot_be_imported_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken_one").mkdir()
    (tmp_path / "broken_one" / "__init__.py").write_text("")
    (tmp_path / "broken_one" / "check.py").write_text("def")
    with pytest.raises(BadCheck, match="cannot be imported"):
        in_folder(tmp_path)
    assert str(tmp_path) not in sys.path
