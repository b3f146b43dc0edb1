"""Decisions: which are possible from which state, one transaction, a reason, one journal row per file, cases that close."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from bonded.accounts import people
from bonded.catalog import read
from bonded.catalog.locks import lock_file
from bonded.catalog.tables import case as case_table
from bonded.db.engine import Database
from bonded.db.jobs import job
from bonded.journal.read import Filter, of_everything
from bonded.journal.tables import to_publish
from bonded.review import decide, decisions, queue, scope
from bonded.review.undo import undo
from bonded.screening.cases import put_in_case
from bonded.screening.policy import Decision
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, ProjectStatus, SubjectKind, Verdict
from bonded.values.who import OPERATOR, Actor, ActorKind
from tests.review.making import into_case, one_file, open_case, project

S = FileState
ADMIN = Actor(ActorKind.USER, "admin-id", "session-id", "192.0.2.1", "Browser")

ACTS = {
    "release": decide.release,
    "quarantine": decide.quarantine,
    "reject": decide.reject,
    "remove": decide.remove,
    "reopen": decide.reopen,
}

EXPECTED: dict[str, dict[str, str]] = {
    # act: {state before: state after}; "=" is the same state, confirmed; what is missing is refused
    "release": {"held": "public", "rejected": "public", "quarantined": "public", "public": "="},
    "quarantine": {"public": "quarantined", "quarantined": "="},
    "reject": {"held": "rejected", "rejected": "="},
    "remove": {"held": "removed", "rejected": "removed", "quarantined": "removed", "public": "removed"},
    "reopen": {"rejected": "held"},
}


@pytest.fixture
def sample(sqlite_db: Database, now: datetime) -> read.Project:
    return make(sqlite_db, now)


def make(db: Database, now: datetime, name: str = "Sample") -> read.Project:
    with db.write() as tx:
        found = people.by_name(tx, "owner")
        owner = found or people.create(tx, OPERATOR, "owner", "o@example.invalid", is_admin=False, now=now)
        return project(tx, owner.id, now, name)


def add(db: Database, made: read.Project, now: datetime, state: FileState, *, in_case: bool = False) -> str:
    with db.write() as tx:
        file_id = one_file(tx, made, now, state=state)
        if in_case:
            found = tx.execute(select(case_table.c.id).where(case_table.c.project_id == made.id)).scalar_one_or_none()
            into_case(tx, file_id, found or open_case(tx, made, now))
    return file_id


def state_of(db: Database, file_id: str) -> FileState:
    with db.read() as conn:
        found = read.file(conn, file_id)
    assert found
    return found.state


def case_states(db: Database) -> list[str]:
    with db.read() as conn:
        return list(conn.execute(select(case_table.c.state).order_by(case_table.c.id)).scalars())


def act(db: Database, now: datetime, name: str, *file_ids: str, reason: str = "looked at it") -> list[int]:
    with db.write() as tx:
        return ACTS[name](tx, ADMIN, file_ids, reason=reason, now=now)


def newest_rows(db: Database, count: int) -> list[Any]:
    with db.read() as conn:
        return list(of_everything(conn, limit=count).entries)


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("before", list(FileState))
def test_what_each_act_does_to_each_state(
    sqlite_db: Database, sample: read.Project, now: datetime, name: str, before: FileState
) -> None:
    file_id = add(sqlite_db, sample, now, before)
    after = EXPECTED[name].get(before)
    if after is None:
        with pytest.raises(Refusal) as caught:
            act(sqlite_db, now, name, file_id)
        assert (caught.value.code, caught.value.status) == ("wrong-state", 409)
        assert state_of(sqlite_db, file_id) is before
        return
    (journal_id,) = act(sqlite_db, now, name, file_id)
    assert state_of(sqlite_db, file_id) == (before if after == "=" else after)
    (row,) = newest_rows(sqlite_db, 1)
    assert row.id == journal_id
    assert row.action == ("review.confirm" if after == "=" else f"review.{name}")
    assert (row.actor_id, row.credential_id, row.subject_kind, row.subject_id) == (
        "admin-id",
        "session-id",
        SubjectKind.FILE,
        file_id,
    )
    assert row.facts["reason"] == "looked at it"
    assert row.project_key == "sample"


def test_a_decision_changes_the_index_exactly_when_the_public_sees_it(db: Database, now: datetime) -> None:
    made = make(db, now)
    file_id = add(db, made, now, S.HELD)

    def waiting() -> int:
        with db.read() as conn:
            return len(conn.execute(select(to_publish.c.id)).all())

    before = waiting()
    act(db, now, "reject", file_id)
    act(db, now, "reopen", file_id)
    assert waiting() == before
    act(db, now, "release", file_id)
    act(db, now, "release", file_id)
    assert waiting() == before + 1
    act(db, now, "quarantine", file_id)
    assert waiting() == before + 2
    with db.read() as conn:
        keys = set(conn.execute(select(job.c.key)).scalars())
    assert f"takedown:{file_id}" in keys


@pytest.mark.parametrize("reason", ["", "   ", "\n"])
def test_a_reason_is_required(sqlite_db: Database, sample: read.Project, now: datetime, reason: str) -> None:
    file_id = add(sqlite_db, sample, now, S.HELD)
    for name in ACTS:
        with pytest.raises(Refusal) as caught:
            act(sqlite_db, now, name, file_id, reason=reason)
        assert caught.value.code in ("reason-needed", "wrong-state")
    with pytest.raises(Refusal, match="reason"), sqlite_db.write() as tx:
        decide.ask_owner(tx, ADMIN, [file_id], reason=reason, now=now)
    assert state_of(sqlite_db, file_id) is S.HELD


def test_many_files_are_decided_together_or_not_at_all(db: Database, now: datetime) -> None:
    made = make(db, now)
    held = [add(db, made, now, S.HELD, in_case=True) for _ in range(3)]
    removed = add(db, made, now, S.REMOVED)
    rows = len(newest_rows(db, 50))
    with pytest.raises(Refusal):
        act(db, now, "release", *held, removed)
    assert [state_of(db, f) for f in held] == [S.HELD] * 3
    assert len(newest_rows(db, 50)) == rows
    assert len(act(db, now, "release", *held, *held)) == 3, "each file once"
    assert [state_of(db, f) for f in held] == [S.PUBLIC] * 3
    assert len(newest_rows(db, 50)) == rows + 3


def test_nothing_and_nobody(sqlite_db: Database, now: datetime) -> None:
    with pytest.raises(Refusal) as caught:
        act(sqlite_db, now, "release")
    assert caught.value.code == "nothing-chosen"
    with pytest.raises(Refusal) as caught:
        act(sqlite_db, now, "release", "unknown")
    assert caught.value.code == "no-such-file"


def test_a_case_closes_when_each_file_is_settled(db: Database, now: datetime) -> None:
    made = make(db, now)
    held, rejected, watched = (add(db, made, now, s, in_case=True) for s in (S.HELD, S.REJECTED, S.PUBLIC))
    act(db, now, "release", held)
    assert case_states(db) == ["open"]
    act(db, now, "reject", rejected)
    assert case_states(db) == ["open"], "a file that policy let through in watch mode waits too"
    act(db, now, "release", watched)
    assert case_states(db) == ["closed"]
    with db.read() as conn:
        assert conn.execute(select(case_table.c.closed_at)).scalar_one() == now


def test_what_was_decided_before_does_not_settle_what_was_found_since(db: Database, now: datetime) -> None:
    """A backfill brings back a file that somebody released: the other file of the case does not close it unseen."""
    made = make(db, now)
    old = add(db, made, now, S.HELD, in_case=True)
    act(db, now, "release", old)
    new = add(db, made, now, S.HELD)
    worse = Decision(Verdict.REJECT, 0.9, (("sends the environment away", 0.9),))
    with db.write() as tx:
        (number,) = {put_in_case(tx, lock_file(tx, one), worse, now=now) for one in (old, new)}
    with db.read() as conn:
        assert [one.settled for one in queue.case(conn, number).files] == [False, False]
        assert {one.id for one in scope.waiting(conn, "quarantine", [number]).files} == {old}, "bulk finds it"
    act(db, now, "reject", new)
    assert case_states(db) == ["closed", "open"]
    act(db, now, "release", old)  # confirmed
    assert case_states(db) == ["closed", "closed"]
    with db.write() as tx:
        undo(tx, ADMIN, reason="", now=now)
    assert case_states(db) == ["closed", "open"]


def test_a_question_to_the_owner_settles_nothing(sqlite_db: Database, sample: read.Project, now: datetime) -> None:
    file_id = add(sqlite_db, sample, now, S.HELD, in_case=True)
    with sqlite_db.write() as tx:
        (journal_id,) = decide.ask_owner(tx, ADMIN, [file_id], reason="What is this for?", now=now)
    assert state_of(sqlite_db, file_id) is S.HELD
    assert case_states(sqlite_db) == ["open"]
    with sqlite_db.read() as conn:
        assert decisions.newest(conn, [file_id]) == {}
        assert f"mail:{journal_id}" in set(conn.execute(select(job.c.key)).scalars())


def test_a_reopened_file_joins_the_open_case_of_its_project(sqlite_db: Database, now: datetime) -> None:
    made = make(sqlite_db, now)
    old = add(sqlite_db, made, now, S.HELD, in_case=True)
    act(sqlite_db, now, "reject", old)
    with sqlite_db.write() as tx:
        into_case(tx, one_file(tx, made, now), open_case(tx, made, now))
    act(sqlite_db, now, "reopen", old)
    assert case_states(sqlite_db) == ["closed", "open"]
    alone = add(sqlite_db, make(sqlite_db, now, "Alone"), now, S.REJECTED)
    act(sqlite_db, now, "reopen", alone)
    assert case_states(sqlite_db) == ["closed", "open", "open"]


def test_projects(db: Database, now: datetime) -> None:
    made = make(db, now)
    file_id = add(db, made, now, S.PUBLIC)

    def status() -> ProjectStatus:
        with db.read() as conn:
            found = read.project(conn, "sample")
        assert found
        return found.status

    with db.write() as tx:
        decide.quarantine_project(tx, ADMIN, "sample", reason="stolen account", now=now)
    assert status() is ProjectStatus.QUARANTINED
    with db.read() as conn:
        assert f"takedown:{file_id}" in set(conn.execute(select(job.c.key)).scalars())
    with db.write() as tx:
        decide.release_project(tx, ADMIN, "sample", reason="given back", now=now)
    assert status() is ProjectStatus.ACTIVE
    with pytest.raises(Refusal, match="no project"), db.write() as tx:
        decide.quarantine_project(tx, ADMIN, "unknown", reason="why not", now=now)


def test_two_administrators_at_the_same_moment(db: Database, now: datetime) -> None:
    made = make(db, now)
    files = [add(db, made, now, S.HELD, in_case=True) for _ in range(3)]
    answers: list[str] = []

    def run(name: str, order: list[str]) -> None:
        try:
            act(db, now, name, *order)
            answers.append("done")
        except Refusal as refusal:
            answers.append(refusal.code)

    threads = [
        threading.Thread(target=run, args=("remove", files)),
        threading.Thread(target=run, args=("reject", files[::-1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) in (["done", "done"], ["done", "wrong-state"])
    assert {state_of(db, f) for f in files} == {S.REMOVED}
    assert case_states(db) == ["closed"]
    with db.read() as conn:
        kinds = [e.action for e in of_everything(conn, Filter(actions=("review.reject", "review.remove"))).entries]
    assert kinds.count("review.remove") == 3
