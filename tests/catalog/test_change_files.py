"""Changes of files: every move against the table of states, names, yanks, the take-down of what does harm."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import product

import pytest

from bonded.catalog import change, read
from bonded.catalog.locks import lock_files
from bonded.catalog.states import MOVES
from bonded.values.refusals import Refusal
from bonded.values.states import FileState
from bonded.values.who import OPERATOR, POLICY
from tests.catalog.conftest import Shelf

S = FileState

# Written by hand from the states of the design, apart from the table in the code.
ALLOWED = {
    (S.RECEIVED, S.PUBLIC), (S.RECEIVED, S.HELD), (S.RECEIVED, S.REJECTED), (S.RECEIVED, S.REMOVED),
    (S.HELD, S.PUBLIC), (S.HELD, S.REJECTED), (S.HELD, S.REMOVED),
    (S.PUBLIC, S.QUARANTINED), (S.PUBLIC, S.REMOVED),
    (S.QUARANTINED, S.PUBLIC), (S.QUARANTINED, S.REMOVED),
    (S.REJECTED, S.HELD), (S.REJECTED, S.PUBLIC), (S.REJECTED, S.REMOVED),
}  # fmt: skip


def test_the_table_of_moves_is_that_of_the_design() -> None:
    assert {(old, new) for old, news in MOVES.items() for new in news} == ALLOWED


def test_every_move_is_made_or_refused_as_the_table_says(lite: Shelf) -> None:
    project = lite.project("Sample", lite.person("ann"))
    for old, new in product(S, S):
        file_id = lite.file(project, state=old)
        before = lite.actions()
        if (old, new) in ALLOWED:
            with lite.db.write() as tx:
                change.move_file(tx, "review.release", OPERATOR, file_id, new, reason="because", now=lite.now)
            assert lite.get(file_id).state is new
            assert lite.actions() == [*before, "review.release"]
        else:
            with pytest.raises(Refusal) as caught, lite.db.write() as tx:
                change.move_file(tx, "review.release", OPERATOR, file_id, new, reason="because", now=lite.now)
            assert caught.value.code == "wrong-state"
            assert lite.get(file_id).state is old
            assert lite.actions() == before


@pytest.mark.parametrize(
    ("state", "holds", "burnt"),
    [
        (S.RECEIVED, True, False),
        (S.HELD, True, False),
        (S.PUBLIC, True, True),
        (S.QUARANTINED, True, True),
        (S.REMOVED, True, True),
        (S.REJECTED, False, False),
    ],
)
def test_a_name_is_held_while_pending_and_for_ever_once_public(lite: Shelf, state: S, holds: bool, burnt: bool) -> None:
    found = lite.get(lite.file(lite.project("Sample", lite.person("ann")), state=state))
    assert (found.holds_name, found.burnt) == (holds, burnt)


def test_a_move_notes_reason_time_journal_and_publication(shelf: Shelf) -> None:
    project = shelf.project("Sample", shelf.person("ann"))
    file_id = shelf.file(project, state=S.PUBLIC)
    later = shelf.now + timedelta(hours=1)
    with shelf.db.write() as tx:
        journal_id = change.move_file(
            tx, "review.quarantine", OPERATOR, file_id, S.QUARANTINED, reason=" bad\nnews ", now=later
        )
    found = shelf.get(file_id)
    assert (found.state, found.state_reason, found.state_at) == (S.QUARANTINED, "bad news", later)
    with shelf.db.read() as conn:
        after = read.project(conn, "sample")
    assert after is not None
    assert after.last_journal_id == journal_id
    assert shelf.to_publish() == ["sample"] * 3
    assert shelf.jobs("takedown") == [f"takedown:{file_id}"]


@pytest.mark.parametrize(
    ("action", "old", "new", "urgent"),
    [
        ("file.withdraw", S.PUBLIC, S.QUARANTINED, True),
        ("review.quarantine", S.PUBLIC, S.QUARANTINED, True),
        ("review.remove", S.PUBLIC, S.REMOVED, True),
        ("review.remove", S.QUARANTINED, S.REMOVED, True),
        ("review.remove", S.HELD, S.REMOVED, False),
        ("file.delete", S.PUBLIC, S.REMOVED, False),
    ],
)
def test_acts_against_harm_take_the_bytes_down_at_once(lite: Shelf, action: str, old: S, new: S, urgent: bool) -> None:
    file_id = lite.file(lite.project("Sample", lite.person("ann")), state=old)
    with lite.db.write() as tx:
        tx.exec_driver_sql("DELETE FROM job")
        change.move_file(tx, action, OPERATOR, file_id, new, reason="because", now=lite.now)
    assert lite.jobs("takedown") == ([f"takedown:{file_id}"] if urgent else [])


def test_people_give_reasons_and_reasons_have_bounds(lite: Shelf) -> None:
    file_id = lite.file(lite.project("Sample", lite.person("ann")), state=S.HELD)
    for reason, code in (("  ", "reason-needed"), ("x" * 1001, "reason-too-long")):
        with pytest.raises(Refusal) as caught, lite.db.write() as tx:
            change.move_file(tx, "review.release", OPERATOR, file_id, S.PUBLIC, reason=reason, now=lite.now)
        assert caught.value.code == code
    assert lite.get(file_id).state is S.HELD


def test_yank_and_unyank(shelf: Shelf) -> None:
    project = shelf.project("Sample", shelf.person("ann"))
    file_id, held = shelf.file(project, state=S.PUBLIC), shelf.file(project, state=S.HELD)

    def refused(act: object, which: str, reason: str = "") -> str:
        with pytest.raises(Refusal) as caught, shelf.db.write() as tx:
            act(tx, OPERATOR, which, reason=reason, now=shelf.now)  # type: ignore[operator]
        return caught.value.code

    assert refused(change.unyank, file_id) == "wrong-state"
    assert refused(change.yank, held) == "wrong-state"
    assert refused(change.yank, "nowhere") == "no-such-file"
    with shelf.db.write() as tx:
        change.yank(tx, OPERATOR, file_id, reason="broken", now=shelf.now)
    assert (shelf.get(file_id).yanked, shelf.get(file_id).yanked_reason) == (True, "broken")
    assert refused(change.yank, file_id, "broken") == "wrong-state"
    with shelf.db.write() as tx:
        change.yank(tx, OPERATOR, file_id, reason="very broken", now=shelf.now)
        change.unyank(tx, OPERATOR, file_id, reason="", now=shelf.now)
    assert (shelf.get(file_id).yanked, shelf.get(file_id).yanked_reason) == (False, "")
    assert shelf.actions()[-3:] == ["file.yank", "file.yank", "file.unyank"]


def test_a_refused_change_changes_nothing(lite: Shelf) -> None:
    project = lite.project("Sample", lite.person("ann"))
    first = lite.file(project, state=S.REJECTED, filename="sample-1.0-py3-none-any.whl")
    second = lite.file(project, filename="sample-1.0-py3-none-any.whl")
    before = lite.actions()
    with pytest.raises(Refusal) as caught, lite.db.write() as tx:
        change.move_file(tx, "review.release", OPERATOR, first, S.PUBLIC, reason="good", now=lite.now)
    assert caught.value.code == "name-taken"
    assert (lite.get(first).state, lite.get(second).state) == (S.REJECTED, S.RECEIVED)
    assert lite.actions() == before


def test_decisions_about_many_files_at_once_never_wait_for_each_other(shelf: Shelf) -> None:
    ann = shelf.person("ann")
    ids = [shelf.file(shelf.project(name, ann), state=S.HELD) for name in ("one", "two", "three") for _ in range(1)]

    def decide(order: list[str]) -> list[str]:
        with shelf.db.write() as tx:
            return [found.id for found in lock_files(tx, order)]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(decide, [ids, ids[::-1], ids + ids, ids[1:] + ids[:1]] * 3))
    assert all(sorted(result) == sorted(ids) for result in results)
    with pytest.raises(Refusal) as caught, shelf.db.write() as tx:
        lock_files(tx, [*ids, "nowhere"])
    assert caught.value.code == "no-such-file"


def test_a_withdrawn_file_is_not_served(lite: Shelf) -> None:
    project = lite.project("Sample", lite.person("ann"))
    file_id = lite.file(project, state=S.PUBLIC)
    with lite.db.write() as tx:
        assert read.served(tx, file_id)
        change.move_file(tx, "file.withdraw", POLICY, file_id, S.QUARANTINED, reason="", now=lite.now)
        assert not read.served(tx, file_id)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (S.PUBLIC, ""),
        (S.HELD, ""),
        (S.REJECTED, ""),
        (S.QUARANTINED, "file-is-evidence"),
        (S.RECEIVED, "wrong-state"),
        (S.REMOVED, "wrong-state"),
    ],
)
def test_owners_delete_what_is_theirs_and_no_evidence(lite: Shelf, state: S, code: str) -> None:
    file_id = lite.file(lite.project("Sample", lite.person("ann")), state=state)
    with contextlib.ExitStack() as stack:
        if code:
            caught = stack.enter_context(pytest.raises(Refusal))
        with lite.db.write() as tx:
            change.delete_file(tx, OPERATOR, file_id, reason="", now=lite.now)
    assert not code or caught.value.code == code
    assert lite.get(file_id).state is (state if code else S.REMOVED)


def test_administrators_remove_evidence(lite: Shelf) -> None:
    file_id = lite.file(lite.project("Sample", lite.person("ann")), state=S.QUARANTINED)
    with lite.db.write() as tx:
        change.move_file(tx, "review.remove", OPERATOR, file_id, S.REMOVED, reason="seen", now=lite.now)
    assert lite.get(file_id).state is S.REMOVED
