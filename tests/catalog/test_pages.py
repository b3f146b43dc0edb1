"""What the public sees of a project: public files only, in order, and nothing of a project that was never public."""

from __future__ import annotations

from dataclasses import replace

from bonded.catalog import pages, read
from bonded.catalog.twins import twin, twins_of
from bonded.values.states import FileState
from tests.catalog.conftest import Shelf


def test_a_page_lists_public_files_by_version_and_name(shelf: Shelf) -> None:
    project = shelf.project("Sam.Ple", shelf.person("ann"))
    for version in ("1.10", "1.9", "2.0a1"):
        shelf.file(project, version, state=FileState.PUBLIC)
    shelf.file(project, "1.9", state=FileState.PUBLIC, filename="a.whl")
    for state in (FileState.HELD, FileState.REJECTED, FileState.QUARANTINED, FileState.REMOVED, FileState.RECEIVED):
        shelf.file(project, "3.0", state=state)
    with shelf.db.read() as conn:
        page = pages.page_state(conn, "sam-ple")
        project_now = read.project(conn, "sam-ple")
    assert page is not None
    assert project_now is not None
    assert page.versions == ("1.9", "1.10", "2.0a1")
    assert [f.version for f in page.files] == ["1.9", "1.9", "1.10", "2.0a1"]
    assert page.files[0].filename == "a.whl"
    assert page.metadata["1.9"] == {"name": "Sam.Ple", "version": "1.9"}
    assert set(page.metadata) == set(page.versions)
    assert page.last_journal_id == project_now.last_journal_id
    assert page.files[0].requires_python == ">=3.9"
    with shelf.db.read() as conn:
        lean = pages.page_states(conn, ["sam-ple"], with_metadata=False)["sam-ple"]
    assert lean == replace(page, metadata={})


def test_a_project_that_was_never_public_has_no_page_and_is_not_listed(shelf: Shelf) -> None:
    ann = shelf.person("ann")
    hidden, gone, shown = (shelf.project(name, ann) for name in ("hidden", "gone", "shown"))
    shelf.file(hidden, state=FileState.HELD)
    shelf.file(gone, state=FileState.REMOVED)
    shelf.file(shown, state=FileState.PUBLIC)
    with shelf.db.read() as conn:
        assert set(pages.page_states(conn, ["hidden", "gone", "shown", "nowhere"])) == {"gone", "shown"}
        assert read.project_keys(conn) == [("gone", "gone"), ("shown", "shown")]
        assert read.count_projects(conn) == 2
        gone_page = pages.page_state(conn, "gone")
    assert gone_page is not None
    assert gone_page.files == ()


def test_versions_that_are_none_come_first_and_do_not_break_the_page() -> None:
    found = sorted(["2.0", "1.0.post1", "1.0", "weird", "1!0"], key=pages.version_order)
    assert found == ["weird", "1.0", "1.0.post1", "2.0", "1!0"]


def test_names_that_people_confuse_share_a_form(lite: Shelf) -> None:
    assert {twin(name) for name in ("Pillow", "pi11ow", "p-i.l_low", "PILLOW")} == {twin("pillow")}
    assert twin("six") != twin("seven")
    lite.project("Pillow", lite.person("ann"))
    with lite.db.read() as conn:
        assert twins_of(conn, "pi11ow", "pi11ow") == ["Pillow"]
        assert twins_of(conn, "pillow", "pillow") == []
