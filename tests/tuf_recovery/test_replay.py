"""Reading records: what an honest publisher writes comes back, and what cannot be is refused."""

from __future__ import annotations

from typing import Any

import pytest

from bonded.tuf.replay import Contradiction, acts_of
from bonded.values.states import FileState, ProjectStatus

SHA = "a" * 64
PATH = "packages/alpha/alpha-1.0.tar.gz"
FACTS = {
    "version": "1.0",
    "packagetype": "sdist",
    "python_version": "source",
    "requires_python": "",
    "md5": "m",
    "blake2_256": "b",
    "metadata_sha256": None,
    "metadata_size": None,
    "uploaded_at": "2026-01-05T12:00:00.000000Z",
}
PAGE = {"name": "Alpha", "status": "archived", "reason": "done", "yanked": {"alpha-1.0.tar.gz": ""}}


def target(sha256: str = SHA) -> dict[str, Any]:
    return {"sha256": sha256, "length": 3}


def record(targets: dict[str, Any] | None = None, pages: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "publication": 7,
        "attempt": "x",
        "at": "2026-01-05T12:00:00Z",
        "targets": targets or {},
        "pages": pages or {},
    }


def test_a_file_that_came_and_its_project() -> None:
    acts = acts_of(record({PATH: {"old": None, "new": target(), **FACTS}}, {"alpha": PAGE}))
    (file,), (project,) = acts.files, acts.projects
    assert (file.key, file.filename, file.state) == ("alpha", "alpha-1.0.tar.gz", FileState.PUBLIC)
    assert file.facts
    assert file.facts.uploaded_at.isoformat() == "2026-01-05T12:00:00+00:00"
    assert (project.name, project.status, project.yanked) == (
        "Alpha",
        ProjectStatus.ARCHIVED,
        {"alpha-1.0.tar.gz": ""},
    )


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("removed", FileState.REMOVED),
        ("quarantined", FileState.QUARANTINED),
        ("withdrawn", FileState.PUBLIC),
        ("held", FileState.QUARANTINED),
        ("a word of the future", FileState.QUARANTINED),
    ],
)
def test_a_file_that_left(word: str, state: FileState) -> None:
    (file,) = acts_of(record({PATH: {"old": target(), "new": None, "state": word}})).files
    assert file.state is state


def test_pages_as_targets_and_the_project_list_are_no_acts() -> None:
    page = {"old": None, "new": target()}
    acts = acts_of(record({"simple/index.html": page, "simple/alpha/index.json": page}, {"alpha": None}))
    assert acts.files == ()
    assert acts.projects[0].name == ""


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ({PATH: {"old": target(), "new": target("b" * 64), **FACTS}}, "other bytes"),
        ({PATH: {"old": None, "new": None}}, "was not there"),
        ({PATH: {"old": None, "new": {"sha256": "short", "length": 1}, **FACTS}}, "is no sha256"),
        ({PATH: {"old": None, "new": target()}}, "cannot be read: KeyError"),
        ({PATH: {"old": None, "new": target(), **FACTS, "packagetype": "exe"}}, "cannot be read: ValueError"),
        ({"packages/../etc": {"old": None, "new": target(), **FACTS}}, "BadPath"),
        ({"packages/alpha": {"old": None, "new": target(), **FACTS}}, "cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_with_its_number(targets: dict[str, Any], words: str) -> None:
    with pytest.raises(Contradiction, match="publication 7") as refused:
        acts_of(record(targets))
    assert words in str(refused.value)


@pytest.mark.parametrize("page", [{"name": "Alpha"}, {**PAGE, "status": "glorious"}, 7])
def test_pages_that_cannot_be_are_refused(page: Any) -> None:
    with pytest.raises(Contradiction, match="publication 7 cannot be read"):
        acts_of(record(pages={"alpha": page}))
