"""Screening of projects whose releases need two owners: what policy lets waits for the second, in both modes."""

from __future__ import annotations

import pytest

from bonded.accounts import people
from bonded.catalog import change, change_two_owners, read, two_owners
from bonded.catalog.tables import case
from bonded.journal.tables import journal, to_publish
from bonded.review import decide
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, Mode, Role
from bonded.values.who import OPERATOR, Actor, ActorKind
from tests.screening.conftest import DOUBTFUL, HOSTILE
from tests.screening.index import Index

S = FileState


def with_two_owners(index: Index) -> Actor:
    """The project `sure-thing` with one public file, whose releases need a second owner from now on; returns that one."""
    assert index.screened("sure-thing", version="0.9").state is S.PUBLIC
    with index.db.write() as tx:
        otto = people.create(tx, OPERATOR, "otto", "otto@example.invalid", is_admin=False, now=index.now)
        change.add_role(tx, OPERATOR, "sure-thing", otto.id, Role.OWNER, now=index.now)
        change_two_owners.start(tx, OPERATOR, "sure-thing", now=index.now)
    return Actor(ActorKind.USER, otto.id, "session")


def approve(index: Index, who: Actor, file: read.File) -> bool:
    with index.db.write() as tx:
        return change_two_owners.approve(tx, who, file.id, now=index.now)


def test_a_clear_file_is_held_without_a_case_until_the_second_owner_approves(index: Index) -> None:
    otto = with_two_owners(index)
    before = len(index.rows(to_publish))
    file = index.screened("sure-thing")
    assert (file.state, file.state_reason) == (S.HELD, change_two_owners.STAGED_WORDS)
    assert (file.case_id, index.rows(case)) == (None, [])
    assert len(index.rows(to_publish)) == before, "nothing is published"
    assert index.rows(journal)[-1].action == "file.stage"
    assert approve(index, otto, file) is True
    assert index.file(file.id).state is S.PUBLIC
    assert len(index.rows(to_publish)) == before + 1


def test_a_doubtful_file_needs_a_reviewer_and_a_second_owner(small: Index) -> None:
    otto = with_two_owners(small)
    file = small.screened("sure-thing", DOUBTFUL)
    assert file.state is S.HELD
    assert file.case_id is not None

    def release() -> None:
        with small.db.write() as tx:
            decide.release(tx, OPERATOR, [file.id], reason="looked at it", now=small.now)

    with pytest.raises(Refusal) as caught:
        release()
    assert caught.value.code == "second-owner-needed"
    assert approve(small, otto, file) is False
    release()
    assert small.file(file.id).state is S.PUBLIC


def test_a_hostile_file_is_rejected_whoever_approved_it(small: Index) -> None:
    with_two_owners(small)
    file = small.screened("sure-thing", HOSTILE)
    assert file.state is S.REJECTED
    with small.db.read() as conn:
        assert two_owners.consent(conn, file.id).cleared_at is None


def test_also_where_files_are_served_before_their_verdict(small: Index) -> None:
    """Mode watch serves at once, but not what a second owner has not seen."""
    with_two_owners(small)
    file_id = small.upload("sure-thing", DOUBTFUL)
    small.mode = Mode.WATCH
    small.work()
    file = small.file(file_id)
    assert (file.state, file.state_reason) == (S.HELD, change_two_owners.STAGED_WORDS)
    assert file.case_id is not None
