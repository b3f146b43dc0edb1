"""The search: who is found first, slips of the pen, words, and that it follows what is public, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from bonded.catalog import change, read, requirements
from bonded.catalog.find import Found, find, near_names
from bonded.catalog.search_tables import search
from bonded.catalog.slips import distance, slips
from bonded.catalog.tables import release
from bonded.db import migrate
from bonded.db.engine import Database
from bonded.values.states import FileState, ProjectStatus
from bonded.values.who import OPERATOR, POLICY
from tests.catalog.conftest import Shelf

SAID = {
    "requests": "HTTP for humans",
    "requests-mock": "Mock out responses of requests",
    "scikit-learn": "Machine learning in Python",
    "beautifulsoup4": "Screen-scraping library",
    "httpx": "The next generation client",
    "numpy": "Arrays and numbers",
    "num2words": "Numbers in words",
}


def public(shelf: Shelf, name: str, version: str = "1.0", **metadata: Any) -> tuple[str, str]:
    """A public file of a project; returns the ids of project and file."""
    owner = shelf.person(f"owner-of-{name}-{version}")
    project = shelf.project(name, owner)
    file_id = shelf.file(project, version)
    tell(shelf, project.id, version, metadata)
    move(shelf, file_id, FileState.PUBLIC)
    return project.id, file_id


def tell(shelf: Shelf, project_id: str, version: str, metadata: dict[str, Any]) -> None:
    r = release.c
    with shelf.db.write() as tx:
        tx.execute(update(release).where(r.project_id == project_id, r.version == version).values(metadata=metadata))


def move(shelf: Shelf, file_id: str, state: FileState, action: str = "file.publish") -> None:
    with shelf.db.write() as tx:
        change.move_file(tx, action, POLICY, file_id, state, reason="by the test", now=shelf.now)


def keys(shelf: Shelf, asked: str) -> list[str]:
    return [one.key for one in ask(shelf, asked)]


def ask(shelf: Shelf, asked: str) -> list[Found]:
    with shelf.db.read() as conn:
        return find(conn, asked)


@pytest.fixture
def filled(shelf: Shelf) -> Shelf:
    for name, summary in SAID.items():
        public(shelf, name, summary=summary, keywords="web,tools" if name == "httpx" else None)
    return shelf


def test_the_exact_name_then_beginnings_then_words(filled: Shelf) -> None:
    assert keys(filled, "requests") == ["requests", "requests-mock"]
    assert keys(filled, "Requests.Mock")[0] == "requests-mock"
    assert keys(filled, "num") == ["numpy", "num2words"]
    assert keys(filled, "machine learn") == ["scikit-learn"]
    assert keys(filled, "requests mock")[0] == "requests-mock"
    assert keys(filled, "tools") == ["httpx"]
    assert keys(filled, "soup") == ["beautifulsoup4"]


@pytest.mark.parametrize("asked", ["numbers", "number python", "numb", "number py"])
def test_of_words_that_many_have_only_names_tell_something(
    filled: Shelf, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    for name in ("number-python", "plain", "plainer"):
        public(filled, name, summary="Python numbers and words")
    monkeypatch.setattr("bonded.catalog.find.COMMON", 2)
    assert keys(filled, asked) == ["number-python"]


SLIPS = {
    "reqeusts": "requests",
    "request": "requests",
    "rrequests": "requests",
    "rewuests": "requests",
    "scikitlearn": "scikit-learn",
    "scikit_laern": "scikit-learn",
    "beautifulsop4": "beautifulsoup4",
    "nunpy": "numpy",
}


def test_slips_of_the_pen_are_forgiven(filled: Shelf) -> None:
    with filled.db.read() as conn:
        for typed, meant in SLIPS.items():
            assert find(conn, typed)[0].key == meant
            assert near_names(conn, typed)[0].key == meant


def test_whatever_is_typed_is_only_looked_for(filled: Shelf) -> None:
    with filled.db.read() as conn:
        for typed in (
            "",
            " ",
            "-",
            "%",
            "_",
            "'",
            '"',
            "\\",
            "zq'zq",
            'zq" OR "zq',
            "!:*&|()",
            "é",
            "\x00",
            "*",
            "a" * 5000,
        ):
            assert find(conn, typed) == []
            assert find(conn, f"zzz{typed}") == []


def test_the_shortest_of_many_beginnings_are_found_whatever_order_the_database_has(
    filled: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("num-z", "numa-b", "num9z", "numbering-far-too-long"):
        public(filled, name, summary="x")
    monkeypatch.setattr("bonded.catalog.find.CANDIDATES", 4)
    assert keys(filled, "num")[:4] == ["num-z", "num9z", "numpy", "numa-b"]


EARLIER = """
DROP INDEX project_words_beginnings; DROP INDEX project_words_names;
CREATE INDEX project_words_key ON project_search (key COLLATE "C");
ALTER INDEX project_words_terms RESET (gin_pending_list_limit);
ALTER INDEX project_words_letters RESET (gin_pending_list_limit);
"""
INDEXES = "SELECT relname, reloptions FROM pg_class WHERE relkind = 'i' AND relname LIKE 'project_words%'"
SOON = ["gin_pending_list_limit=128"]


def test_an_upgrade_brings_the_indexes_of_an_earlier_version(postgres_db: Database) -> None:
    with postgres_db.write() as tx:
        for statement in EARLIER.split(";")[:-1]:
            tx.execute(text(statement))
    migrate.upgrade(postgres_db)
    with postgres_db.read() as conn:
        kept = {row[0]: row[1] for row in conn.execute(text(INDEXES))}
    words = {f"project_words_{name}": SOON for name in ("terms", "names", "letters")}
    assert kept == words | {"project_words_beginnings": None}


def test_what_others_require_comes_first(filled: Shelf) -> None:
    ids = [public(filled, name, summary="x")[0] for name in ("aaa", "bbb", "aaa-tools", "aaa-tool")]
    with filled.db.write() as tx:
        for project_id in ids:
            requirements.enter(tx, project_id, {"requires_dist": ["aaa-tools"]})
    assert keys(filled, "aaa") == ["aaa", "aaa-tools", "aaa-tool"]


def test_the_search_follows_what_is_public(shelf: Shelf) -> None:
    owner = shelf.person("ann")
    project = shelf.project("Spam", owner)
    first, second, beta = (shelf.file(project, v) for v in ("1.0", "1.10", "2.0b1"))
    for version, summary in (("1.0", "first words"), ("1.10", "second words"), ("2.0b1", "beta words")):
        tell(shelf, project.id, version, {"summary": summary})
    assert keys(shelf, "spam") == []
    move(shelf, first, FileState.PUBLIC)
    assert ask(shelf, "spam")[0].summary == "first words"
    move(shelf, beta, FileState.PUBLIC)
    assert ask(shelf, "spam")[0].version == "1.0"
    move(shelf, second, FileState.PUBLIC)
    assert ask(shelf, "spam")[0] == Found("spam", "Spam", "1.10", "second words", ProjectStatus.ACTIVE)
    assert keys(shelf, "second") == ["spam"]
    with shelf.db.write() as tx:
        change.yank(tx, OPERATOR, second, reason="", now=shelf.now)
    assert ask(shelf, "spam")[0].version == "1.0"
    with shelf.db.write() as tx:
        change.unyank(tx, OPERATOR, second, reason="", now=shelf.now)
    assert ask(shelf, "spam")[0].version == "1.10"
    for file_id in (second, first, beta):
        move(shelf, file_id, FileState.QUARANTINED, "file.withdraw")
    assert ask(shelf, "spam")[0] == Found("spam", "Spam", "", "", ProjectStatus.ACTIVE)
    assert keys(shelf, "words") == []


def test_a_yank_taken_back_tells_nothing_of_a_file_that_is_not_public(shelf: Shelf) -> None:
    public(shelf, "spam", "1.0", summary="good words")
    _, bad = public(shelf, "eggs", "2.0", summary="bad words")
    with shelf.db.write() as tx:
        change.yank(tx, OPERATOR, bad, reason="", now=shelf.now)
    move(shelf, bad, FileState.QUARANTINED, "file.withdraw")
    with shelf.db.write() as tx:
        change.unyank(tx, OPERATOR, bad, reason="", now=shelf.now)
    assert keys(shelf, "words") == ["spam"]


def test_a_file_that_comes_back_yanked_does_not_stand_for_its_project(shelf: Shelf) -> None:
    owner = shelf.person("ann")
    project = shelf.project("Spam", owner)
    first, second = shelf.file(project, "1.0"), shelf.file(project, "2.0")
    for file_id in (first, second):
        move(shelf, file_id, FileState.PUBLIC)
    with shelf.db.write() as tx:
        change.yank(tx, OPERATOR, second, reason="", now=shelf.now)
    move(shelf, second, FileState.QUARANTINED, "file.withdraw")
    move(shelf, second, FileState.PUBLIC, "review.release")
    assert ask(shelf, "spam")[0].version == "1.0"


def test_quarantined_projects_are_silent_and_deleted_ones_not_found(shelf: Shelf) -> None:
    public(shelf, "spam", summary="cheap pills")
    with shelf.db.write() as tx:
        change.set_status(
            tx, "review.quarantine-project", OPERATOR, "spam", ProjectStatus.QUARANTINED, reason="x", now=shelf.now
        )
    assert [(one.summary, one.status) for one in ask(shelf, "spam")] == [("", ProjectStatus.QUARANTINED)]


def test_deleted_projects_are_not_found_and_come_back_without_their_past(shelf: Shelf) -> None:
    project_id, _ = public(shelf, "spam", "2.0", summary="old words")
    with shelf.db.write() as tx:
        change.delete_project(tx, OPERATOR, "spam", reason="", now=shelf.now)
    assert keys(shelf, "spam") == []
    with shelf.db.read() as conn:
        project = read.project_by_id(conn, project_id)
        assert project
    file_id = shelf.file(project, "1.0")
    tell(shelf, project.id, "1.0", {"summary": "new words"})
    move(shelf, file_id, FileState.PUBLIC)
    assert ask(shelf, "spam")[0].summary == "new words"


def test_metadata_of_any_shape_is_taken(shelf: Shelf) -> None:
    public(shelf, "odd", summary=["no", "text"], keywords={"a": 1}, classifiers="Topic :: X")
    with shelf.db.read() as conn:
        assert conn.execute(select(search.c.summary)).scalar_one() == ""


NAMES = st.text("abc", min_size=4, max_size=9)


@given(NAMES, NAMES)
def test_names_one_slip_apart_always_meet(one: str, other: str) -> None:
    if distance(one, other) <= 1:
        assert slips(one) & slips(other)


@given(NAMES, NAMES)
def test_distance_is_one_between_equals_only_and_the_same_both_ways(one: str, other: str) -> None:
    assert (distance(one, other) == 0) == (one == other)
    assert distance(one, other) == distance(other, one)


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [("abcd", "abdc", 1), ("abcd", "abd", 1), ("abcd", "xbcd", 1), ("abcd", "wxyz", 4), ("", "ab", 2)],
)
def test_distance_counts_slips(one: str, other: str, far: int) -> None:
    assert distance(one, other) == far
