"""Changes of projects and roles: creation, statuses of PEP 792, deletion, the last owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from bonded.catalog import change, pages, read
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, ProjectStatus, Role
from bonded.values.who import OPERATOR
from tests.catalog.conftest import Shelf

S = ProjectStatus

# Written by hand: action, from, to.
ALLOWED = {
    ("project.archive", S.ACTIVE, S.ARCHIVED), ("project.archive", S.DEPRECATED, S.ARCHIVED),
    ("project.unarchive", S.ARCHIVED, S.ACTIVE),
    ("project.deprecate", S.ACTIVE, S.DEPRECATED), ("project.deprecate", S.ARCHIVED, S.DEPRECATED),
    ("project.undeprecate", S.DEPRECATED, S.ACTIVE),
    ("review.quarantine-project", S.ACTIVE, S.QUARANTINED),
    ("review.quarantine-project", S.ARCHIVED, S.QUARANTINED),
    ("review.quarantine-project", S.DEPRECATED, S.QUARANTINED),
    ("review.release-project", S.QUARANTINED, S.ACTIVE),
    ("review.release-project", S.QUARANTINED, S.ARCHIVED),
    ("review.release-project", S.QUARANTINED, S.DEPRECATED),
}  # fmt: skip


def set_status(shelf: Shelf, action: str, status: S, reason: str = "because") -> None:
    with shelf.db.write() as tx:
        change.set_status(tx, action, OPERATOR, "sample", status, reason=reason, now=shelf.now)


def status(shelf: Shelf) -> tuple[S, str]:
    with shelf.db.read() as conn:
        found = read.project(conn, "sample")
    assert found is not None
    return found.status, found.status_reason


def test_every_change_of_status_is_made_or_refused_as_the_table_says(lite: Shelf) -> None:
    lite.project("Sample", lite.person("ann"))
    for action, old, new in product(sorted({a for a, _, _ in ALLOWED}), S, S):
        with lite.db.write() as tx:
            tx.exec_driver_sql("UPDATE project SET status = ?", (old,))
        if (action, old, new) in ALLOWED:
            set_status(lite, action, new)
            assert status(lite) == (new, "" if new is S.ACTIVE else "because")
        else:
            with pytest.raises(Refusal) as caught:
                set_status(lite, action, new)
            assert caught.value.code == "wrong-state"
            assert status(lite)[0] is old


def test_one_of_many_creates_a_project(shelf: Shelf) -> None:
    ann = shelf.person("ann")

    def one(name: str) -> str:
        try:
            with shelf.db.write() as tx:
                return change.create_project(tx, OPERATOR, name, owner_id=ann.id, now=shelf.now).name
        except Refusal as refusal:
            return refusal.code

    names = ["Sam.ple", "sam-ple", "sam_ple", "SAM--PLE"]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(one, names))
    assert sorted(results)[1:] != []
    assert results.count("project-exists") == 3
    assert shelf.actions().count("project.create") == 1


def test_names_that_no_project_can_have(lite: Shelf) -> None:
    ann = lite.person("ann")
    for name in ("", "-a", "a-", "ä", "a b", "a/b", "a" * 101):
        with pytest.raises(Refusal) as caught, lite.db.write() as tx:
            change.create_project(tx, OPERATOR, name, owner_id=ann.id, now=lite.now)
        assert caught.value.code == "invalid-name"


def test_a_quarantined_project_lists_nothing_and_its_bytes_go_at_once(shelf: Shelf) -> None:
    project = shelf.project("Sample", shelf.person("ann"))
    public = [shelf.file(project, version, state=FileState.PUBLIC) for version in ("1.0", "2.0")]
    shelf.file(project, "3.0", state=FileState.HELD)
    set_status(shelf, "review.quarantine-project", S.QUARANTINED, "malware")
    assert shelf.jobs("takedown") == sorted(f"takedown:{file_id}" for file_id in public)
    with shelf.db.read() as conn:
        page = pages.page_state(conn, "sample")
        assert page is not None
        assert (page.status, page.status_reason, page.files, page.versions) == (S.QUARANTINED, "malware", (), ())
        assert not any(read.served(conn, file_id) for file_id in public)
        assert read.project_keys(conn) == [("sample", "Sample")]
    set_status(shelf, "review.release-project", S.ACTIVE, "was a mistake")
    with shelf.db.read() as conn:
        assert read.served(conn, public[0])
        page = pages.page_state(conn, "sample")
    assert page is not None
    assert page.versions == ("1.0", "2.0")


def test_a_deleted_project_is_withdrawn_and_its_names_stay_burnt(shelf: Shelf) -> None:
    ann = shelf.person("ann")
    project = shelf.project("Sample", ann)
    ids = {state: shelf.file(project, state=state) for state in FileState}
    with shelf.db.write() as tx:
        change.delete_project(tx, OPERATOR, "sample", reason="", now=shelf.now)
    states = {old: shelf.get(file_id).state for old, file_id in ids.items()}
    assert states == {
        **dict.fromkeys(FileState, FileState.REMOVED),
        FileState.QUARANTINED: FileState.QUARANTINED,  # evidence stays
    }
    assert shelf.get(ids[FileState.PUBLIC]).holds_name
    assert not shelf.get(ids[FileState.HELD]).holds_name
    with shelf.db.read() as conn:
        assert pages.page_state(conn, "sample") is None
        assert read.project_keys(conn) == []
        assert read.roles(conn, project.id) == [(ann.id, Role.OWNER)]
    assert shelf.actions()[-1] == "project.delete"
    with pytest.raises(Refusal) as caught, shelf.db.write() as tx:
        change.delete_project(tx, OPERATOR, "sample", reason="", now=shelf.now)
    assert caught.value.code == "wrong-state"
    again = shelf.file(project, "9.0", state=FileState.PUBLIC)
    with shelf.db.read() as conn:
        page = pages.page_state(conn, "sample")
    assert page is not None
    assert [f.file_id for f in page.files] == [again]


def test_the_evidence_in_a_quarantined_project_cannot_be_deleted_by_its_owner(lite: Shelf) -> None:
    lite.project("Sample", lite.person("ann"))
    set_status(lite, "review.quarantine-project", S.QUARANTINED)
    with pytest.raises(Refusal) as caught, lite.db.write() as tx:
        change.delete_project(tx, OPERATOR, "sample", reason="", now=lite.now)
    assert caught.value.code == "wrong-state"


def test_a_project_keeps_an_owner_whatever_is_asked(shelf: Shelf) -> None:
    ann, bob = shelf.person("ann"), shelf.person("bob")
    shelf.project("Sample", ann)

    def act(what: object, user_id: str, role: Role) -> str:
        try:
            with shelf.db.write() as tx:
                what(tx, OPERATOR, "sample", user_id, role, now=shelf.now)  # type: ignore[operator]
        except Refusal as refusal:
            return refusal.code
        return "done"

    assert act(change.remove_role, ann.id, Role.OWNER) == "sole-owner"
    assert act(change.add_role, ann.id, Role.MAINTAINER) == "sole-owner"
    assert act(change.add_role, ann.id, Role.OWNER) == "wrong-state"
    assert act(change.remove_role, bob.id, Role.OWNER) == "no-such-role"
    assert act(change.add_role, bob.id, Role.MAINTAINER) == "done"
    assert act(change.remove_role, ann.id, Role.OWNER) == "sole-owner"
    assert act(change.add_role, bob.id, Role.OWNER) == "done"
    assert act(change.remove_role, ann.id, Role.OWNER) == "done"
    with shelf.db.read() as conn:
        assert read.role_in(conn, bob.id, "sample") is Role.OWNER
        assert read.role_in(conn, ann.id, "sample") is None
        assert [(p.key, role) for p, role in read.projects_of(conn, bob.id)] == [("sample", Role.OWNER)]


def test_two_owners_who_leave_at_once_do_not_both_leave(shelf: Shelf) -> None:
    ann, bob = shelf.person("ann"), shelf.person("bob")
    shelf.project("Sample", ann)
    with shelf.db.write() as tx:
        change.add_role(tx, OPERATOR, "sample", bob.id, Role.OWNER, now=shelf.now)

    def leave(user_id: str) -> str:
        try:
            with shelf.db.write() as tx:
                change.remove_role(tx, OPERATOR, "sample", user_id, Role.OWNER, now=shelf.now)
        except Refusal as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, [ann.id, bob.id])) == ["done", "sole-owner"]
