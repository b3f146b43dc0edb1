"""Backfills: which files, what they store and decide, pausing and going on, and exactly one run of each, on both databases."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from bonded.catalog import change
from bonded.catalog.tables import case, check_state, evidence, finding, screening_run, verdict
from bonded.catalog.tables import file as file_table
from bonded.db.jobs import LeaseLost, claim, job
from bonded.db.worker import LEASE, work_once
from bonded.journal.tables import journal
from bonded.ops import dead_letters
from bonded.review import decide
from bonded.screening import backfill, states
from bonded.screening.backfill import Backfill, BackfillState
from bonded.screening.backfill_part import run_part
from bonded.screening.child import many_call
from bonded.screening.selection import Selection, count, selection_of
from bonded.screening.states import CheckState
from bonded.screening.tables import backfill as backfill_table
from bonded.screening.tables import backfill_part, facts
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, PackageType
from bonded.values.who import OPERATOR
from tests.screening.conftest import HOSTILE
from tests.screening.index import Index
from tests.screening.test_run import Failing

S, B = FileState, BackfillState
CHECK = "decoded-or-downloaded-code-executed"


def set_state(index: Index, state: CheckState, name: str = CHECK) -> None:
    with index.db.write() as tx:
        states.set_state(tx, OPERATOR, name, state, reason="a test", now=index.now)


def start(index: Index, selection: Selection | None = None, names: tuple[str, ...] = (CHECK,), **more: Any) -> int:
    index.shelf.now += timedelta(seconds=1)
    with index.db.write() as tx:
        return backfill.start(tx, OPERATOR, names, selection or Selection(), now=index.now, **more)


def read(index: Index, number: int) -> Backfill:
    with index.db.read() as conn:
        return backfill.read(conn, number)


def do(index: Index, what: Any, number: int, **more: Any) -> None:
    with index.db.write() as tx:
        what(tx, OPERATOR, number, now=index.now, **more)


def hidden(index: Index, **names: str) -> list[str]:
    """Files that passed while the check was off; it is enabled afterwards."""
    set_state(index, CheckState.DISABLED)
    ids = [index.upload(name.replace("_", "-"), source) for name, source in names.items()]
    index.work()
    set_state(index, CheckState.ENABLED)
    return ids


def runs(index: Index, name: str = CHECK) -> list[Any]:
    return [row for row in index.rows(screening_run) if row.check == name]


def test_a_check_that_is_enabled_finds_in_history_and_opens_a_case(index: Index) -> None:
    bad, plain = hidden(index, bad_thing=HOSTILE, plain_thing="A = 1\n")
    assert index.file(bad).state is S.PUBLIC
    facts_before = index.rows(facts)
    number = start(index)
    index.backfill()
    done = read(index, number)
    assert (done.state, done.total, done.done, done.found, done.cases, done.moved) == (B.DONE, 2, 2, 1, 1, 0)
    assert (done.scanned, done.skipped, done.failed) == (0, 0, 0), "facts were there"
    assert done.verdicts == {"clear to reject": 1}
    assert done.ended_at is not None
    assert index.rows(facts) == facts_before
    assert index.file(bad).state is S.PUBLIC, "a backfill un-publishes nothing by itself"
    assert [row.state for row in index.rows(case)] == ["open"]
    assert index.file(bad).case_id is not None
    assert index.file(plain).case_id is None
    assert [(row.check, row.file_id) for row in index.rows(finding)] == [(CHECK, bad)]
    assert index.rows(finding)[0].evidence in {row.sha256 for row in index.rows(evidence)}
    assert len(runs(index)) == 2
    assert [row.facts["what"] for row in index.rows(journal) if row.action == "check.backfill"] == ["start", "end"]
    assert [row for row in index.rows(job) if row.queue == "backfill"] == []
    assert index.rows(backfill_part) == []


def test_again_it_finds_nothing_new(index: Index) -> None:
    hidden(index, bad_thing=HOSTILE)
    start(index)
    index.backfill()
    before = [index.rows(table) for table in (finding, screening_run, evidence, case, verdict)]
    number = start(index)
    index.backfill()
    assert [index.rows(table) for table in (finding, screening_run, evidence, case, verdict)] == before
    assert (read(index, number).done, read(index, number).found, read(index, number).cases) == (1, 0, 0)


def test_asked_to_act_it_withdraws_what_policy_rejects(index: Index) -> None:
    bad, odd = hidden(index, bad_thing=HOSTILE, other_thing=HOSTILE)
    with index.db.write() as tx:
        change.move_file(tx, "review.quarantine", OPERATOR, odd, S.QUARANTINED, reason="look", now=index.now)
        change.move_file(tx, "review.release", OPERATOR, odd, S.PUBLIC, reason="is fine", now=index.now)
    with pytest.raises(Refusal, match="public files may be withdrawn"):
        start(index, act=True)
    number = start(index, act=True, reason="the campaign of May")
    index.backfill()
    assert index.file(bad).state is S.QUARANTINED
    assert f"takedown:{bad}" in index.shelf.jobs("takedown")
    assert index.file(odd).state is S.PUBLIC, "people have the last word"
    assert index.file(odd).case_id is not None, "but they are shown what is new"
    assert (read(index, number).moved, read(index, number).cases) == (1, 2)


def test_whoever_looked_first_may_act_afterwards(index: Index) -> None:
    """Once without --act, to see what it would come to; then with it, though nothing is new any more."""
    bad, odd = hidden(index, bad_thing=HOSTILE, other_thing=HOSTILE)
    start(index)
    index.backfill()
    with index.db.write() as tx:
        decide.release(tx, OPERATOR, [odd], reason="is fine", now=index.now)
    number = start(index, act=True, reason="all of them are the campaign of May")
    index.backfill()
    assert index.file(bad).state is S.QUARANTINED
    assert index.file(odd).state is S.PUBLIC, "people have the last word"
    assert (read(index, number).found, read(index, number).moved, read(index, number).cases) == (0, 1, 1)
    again = start(index, act=True, reason="once more")
    index.backfill()
    assert (read(index, again).moved, read(index, again).cases) == (0, 0)


def test_a_check_in_evaluation_stores_findings_and_decides_nothing(index: Index) -> None:
    (bad,) = hidden(index, bad_thing=HOSTILE)
    set_state(index, CheckState.EVALUATION)
    before = [index.rows(table) for table in (case, verdict)]
    number = start(index)
    index.backfill()
    assert len(index.rows(finding)) == 1
    assert [index.rows(table) for table in (case, verdict)] == before
    assert (read(index, number).found, read(index, number).cases) == (1, 0)
    assert index.file(bad).case_id is None
    set_state(index, CheckState.ENABLED)
    number = start(index)
    index.backfill()
    assert (read(index, number).found, read(index, number).cases) == (0, 1), "judged anew with what was found before"


@pytest.mark.parametrize("state", [CheckState.DISABLED, CheckState.WIPED_OUT])
def test_a_check_that_does_not_run_is_refused(small: Index, state: CheckState) -> None:
    set_state(small, state)
    with pytest.raises(Refusal, match="set it to evaluation first"):
        start(small)
    with pytest.raises(Refusal, match="no check called 'nothing'"):
        start(small, names=("nothing",))
    with pytest.raises(Refusal, match="at least one"):
        start(small, names=())
    assert small.rows(backfill_table) == []


def test_what_was_found_before_is_judged_without_opening_the_archive(small: Index) -> None:
    (bad,) = hidden(small, bad_thing=HOSTILE)
    start(small)
    small.backfill()
    calls: list[Any] = []

    def watch(call: Any, _: bytes) -> str:
        calls.append(call)
        return ""

    small.sandbox = Failing(small.sandbox, watch)
    small.vault.delete(small.file(bad).vault_key)
    number = start(small)
    small.backfill()
    assert (read(small, number).done, read(small, number).failed, read(small, number).found) == (1, 0, 0)
    assert calls == [many_call]


@pytest.mark.parametrize("how", ["crash", "timeout", "memory", "killed"])
def test_a_child_that_fails_over_many_files_is_tried_for_each(small: Index, how: str) -> None:
    many(small, 3)
    real = small.sandbox
    small.sandbox = Failing(real, lambda call, _: how if call is many_call else "")
    number = start(small)
    small.backfill()
    done = read(small, number)
    assert (done.state, done.done, done.found) == (B.DONE, 3, 3)
    assert {row.outcome for row in runs(small)} == {"ok"}


def test_new_ones_only(small: Index) -> None:
    hidden(small, first_thing="A = 1\n")
    small.screened("second-thing")
    number = start(small, Selection(new=True))
    small.backfill()
    assert (read(small, number).total, read(small, number).done) == (1, 1)
    assert read(small, start(small, Selection(new=True))).state is B.DONE, "nothing is left, so it ends at once"


def test_what_is_chosen(small: Index, now: datetime) -> None:
    ids = {}
    for n, name in enumerate(("aa-one", "aa-two", "bb-one")):
        small.shelf.now = now + timedelta(days=n)
        ids[name] = small.screened(name).id
    with small.db.write() as tx:
        tx.execute(update(file_table).where(file_table.c.id == ids["bb-one"]).values(packagetype=PackageType.SDIST))
        change.move_file(tx, "review.quarantine", OPERATOR, ids["aa-two"], S.QUARANTINED, reason="x", now=small.now)
    small.shelf.now = now + timedelta(days=3)
    small.screened("aa-one", version="2.0")
    small.upload("cc-waits")

    def many(**conditions: Any) -> int:
        with small.db.read() as conn:
            return count(conn, Selection(**conditions), [], before=small.now)

    assert many() == 4, "what waits for its first screening is not history"
    assert many(project="aa-*") == 3
    assert many(project="AA_one") == 2
    assert many(project="?b-one") == 1
    assert many(project="aa%") == many(project="%") == 0
    assert many(since=now + timedelta(days=1)) == 3
    assert many(since=now + timedelta(days=1), until=now + timedelta(days=2)) == 1
    assert many(states=(S.QUARANTINED,)) == 1
    assert many(kinds=(PackageType.SDIST,)) == 1
    assert many(newest=True) == many(first=True) == 3
    assert many(first=True, since=now + timedelta(days=1)) == 2, "of a project whose first file is older, none"
    assert many(dormant_days=2) == 1
    assert many(dormant_days=3, newest=True) == 0
    assert many(states=(S.RECEIVED,)) == 1


def test_a_selection_is_kept_as_json() -> None:
    full = Selection(
        "a*",
        datetime.fromisoformat("2026-01-01T00:00:00+00:00"),
        None,
        (S.PUBLIC,),
        (PackageType.WHEEL,),
        True,
        True,
        True,
        9,
    )
    assert selection_of(full.as_json()) == full
    assert Selection().as_json() == {}
    assert Selection().words() == "all files"
    assert full.words().startswith("dormant-days=9, first=yes, kinds=bdist_wheel")
    for raw in (
        {"states": ["odd"]},
        {"since": "yesterday"},
        {"project": "[a]"},
        {"dormant_days": -1},
        {"kinds": ["egg"]},
    ):
        with pytest.raises(Refusal):
            selection_of(raw)


def many(index: Index, number: int) -> list[str]:
    """Many files that passed unseen."""
    set_state(index, CheckState.DISABLED)
    ids = [index.upload(f"thing-{n % 7}", HOSTILE + f"# {n}\n", f"{n}.0") for n in range(number)]
    index.work()
    set_state(index, CheckState.EVALUATION)
    return ids


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of two files, three at once."""
    monkeypatch.setattr(backfill, "FILES", 2)
    monkeypatch.setattr(backfill, "PARTS", 3)


@pytest.mark.usefixtures("tiny")
def test_pausing_going_on_and_cancelling(index: Index) -> None:
    many(index, 11)
    number = start(index)
    handlers = {"backfill": partial(run_part, index.context)}
    work_once(index.db, handlers, lambda: index.now, lambda: False)
    assert (read(index, number).done, len(index.rows(backfill_part))) == (2, 3)
    do(index, backfill.pause, number)
    index.backfill()
    assert (read(index, number).state, read(index, number).done) == (B.PAUSED, 2)
    assert len(index.rows(backfill_part)) == 3, "what was handed out is kept"
    with pytest.raises(Refusal):
        do(index, backfill.pause, number)
    do(index, backfill.resume, number)
    index.backfill()
    done = read(index, number)
    assert (done.state, done.done, done.total, done.found) == (B.DONE, 11, 11, 11)
    assert len(runs(index)) == len(index.rows(finding)) == 11
    other = start(index)
    do(index, backfill.cancel, other)
    index.backfill()
    assert (read(index, other).state, read(index, other).done) == (B.CANCELLED, 0)
    assert index.rows(backfill_part) == []
    for what in (backfill.pause, backfill.resume, backfill.cancel):
        with pytest.raises(Refusal):
            do(index, what, other)
    with pytest.raises(Refusal, match="there is no backfill 99"):
        do(index, backfill.pause, 99)


@pytest.mark.usefixtures("tiny")
def test_jobs_that_were_lost_come_back_with_resume(small: Index) -> None:
    many(small, 9)
    number = start(small)
    with small.db.write() as tx:
        tx.execute(delete(job).where(job.c.queue == "backfill"))
    small.backfill()
    assert read(small, number).done == 0
    do(small, backfill.pause, number)
    do(small, backfill.resume, number)
    small.backfill()
    assert (read(small, number).state, read(small, number).done) == (B.DONE, 9)


@pytest.mark.usefixtures("tiny")
def test_many_workers_of_two_backfills_that_die_and_stall_lose_and_double_nothing(index: Index) -> None:
    many(index, 24)
    numbers = [start(index), start(index)]
    stalled = run_half(index)
    threads = [threading.Thread(target=index.backfill) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [read(index, number).state for number in numbers] == [B.RUNNING, B.DONE]
    index.shelf.now += 2 * LEASE
    from bonded.db.jobs import sweep

    with index.db.write() as tx:
        assert sweep(tx, now=index.now) == 1
    index.shelf.now += timedelta(minutes=5)
    index.backfill()
    with pytest.raises(LeaseLost), index.db.write() as tx:
        from bonded.db.jobs import done as end

        stalled[1](tx)
        end(tx, stalled[0])  # the worker that stalled wakes up
    for number in numbers:
        done = read(index, number)
        assert (done.state, done.done, done.total) == (B.DONE, 24, 24)
    assert sum(read(index, number).found for number in numbers) == len(index.rows(finding)) == 24
    assert len({row.subject_id for row in runs(index)}) == len(runs(index)) == 24


def run_half(index: Index) -> Any:
    """A worker that has done the work of a part, and stalls before it is written."""
    with index.db.write() as tx:
        taken = claim(tx, ["backfill"], now=index.now, lease=LEASE)
    assert taken is not None
    effects = run_part(index.context, taken, index.now)
    assert effects is not None
    return taken, effects


@pytest.mark.usefixtures("tiny")
def test_a_part_that_takes_long_is_ended_early_and_goes_on_as_another(
    small: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bonded.screening.backfill_part.SECONDS", -1.0)
    many(small, 7)
    number = start(small)
    small.backfill()
    done = read(small, number)
    assert (done.state, done.done, done.found) == (B.DONE, 7, 7)
    assert len(runs(small)) == 7


def test_a_part_is_worked_off_whole_whatever_size_parts_have_now(small: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    many(small, 9)
    number = start(small)
    monkeypatch.setattr(backfill, "FILES", 2)  # another version of Bonded, beside ours
    small.backfill()
    assert (read(small, number).done, read(small, number).found) == (9, 9)
    assert len(runs(small)) == 9


def test_an_archive_that_is_gone_is_told_and_stops_nothing(small: Index) -> None:
    ids = many(small, 3)
    with small.db.write() as tx:
        tx.execute(delete(facts))
    small.vault.delete(small.file(ids[1]).vault_key)
    number = start(small)
    small.backfill()
    done = read(small, number)
    assert (done.state, done.done, done.failed, done.scanned, done.found) == (B.DONE, 3, 1, 2, 2)
    assert len(small.rows(facts)) == 2, "facts are kept for the next time"


def test_it_pauses_itself_when_it_has_opened_many_cases(small: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "FILES", 1)
    monkeypatch.setattr(backfill, "PARTS", 1)
    many(small, 5)
    set_state(small, CheckState.ENABLED)
    number = start(small, most_cases=2)
    small.backfill()
    paused = read(small, number)
    assert (paused.state, paused.done, paused.cases) == (B.PAUSED, 2, 2)
    assert paused.says.startswith("2 files were put into cases")
    do(small, backfill.resume, number)
    small.backfill()
    assert (read(small, number).state, read(small, number).cases) == (B.DONE, 5)


def test_a_part_that_was_given_up_shows(small: Index) -> None:
    many(small, 1)
    number = start(small)
    with small.db.write() as tx:
        tx.execute(update(job).where(job.c.queue == "backfill").values(state="dead"))
    assert read(small, number).given_up == 1


@pytest.mark.usefixtures("tiny")
def test_a_part_whose_job_was_discarded_is_skipped_and_the_rest_goes_on(index: Index) -> None:
    many(index, 9)
    number = start(index)
    with index.db.write() as tx:
        backfill.give_up(tx, now=index.now)
        ids = list(tx.execute(select(job.c.id).where(job.c.queue == "backfill").order_by(job.c.id)).scalars())
        tx.execute(update(job).where(job.c.id == ids[0]).values(state="dead"))
    index.backfill()
    assert (read(index, number).state, read(index, number).given_up) == (B.RUNNING, 1)
    with index.db.write() as tx:
        backfill.give_up(tx, now=index.now)
        dead_letters.discard(tx, OPERATOR, ids[0], reason="one archive kills its worker", now=index.now)
    assert read(index, number).state is B.RUNNING
    with index.db.write() as tx:
        backfill.give_up(tx, now=index.now)
    index.backfill()
    done = read(index, number)
    assert (done.state, done.done, done.total) == (B.DONE, 9, 9)
    assert 0 < done.skipped < 9
    assert index.rows(backfill_part) == []


def test_rate_and_time_left(small: Index) -> None:
    many(small, 1)
    number = start(small)
    with small.db.write() as tx:
        values = {"done": 100, "total": 400, "mark_done": 40, "seen_at": small.now + timedelta(seconds=30)}
        tx.execute(update(backfill_table).values(values))
    found = read(small, number)
    assert (found.rate(), found.left, found.remaining()) == (2.0, 300, timedelta(seconds=150))


def test_a_file_that_waits_for_its_first_screening_is_left_to_it(small: Index) -> None:
    file_id = small.upload("plain-thing")
    number = start(small, Selection(states=(S.RECEIVED,)))
    small.backfill()
    assert (read(small, number).done, read(small, number).skipped) == (1, 1)
    assert small.file(file_id).state is S.RECEIVED


def test_names_are_looked_at_again_by_the_first_file_of_each_project(small: Index) -> None:
    set_state(small, CheckState.DISABLED, "name-deception")
    for n in range(3):
        small.shelf.now += timedelta(days=1)
        small.screened("reqeusts", version=f"{n}.0")
    set_state(small, CheckState.EVALUATION, "name-deception")
    number = start(small, Selection(first=True), names=("name-deception",))
    small.backfill()
    assert (read(small, number).total, read(small, number).found) == (1, 1)
    start(small, names=("name-deception",))
    small.backfill()
    assert len(runs(small, "name-deception")) == 1
    assert [row.subject_kind for row in runs(small, "name-deception")] == ["project"]
    assert len(small.rows(finding)) == 1


def test_a_check_from_outside_begins_in_evaluation(small: Index) -> None:
    from dataclasses import replace

    from bonded.checks.registry import by_name
    from bonded.screening.states import in_force, state_of, welcome

    own = by_name(CHECK)
    assert own is not None
    other = replace(own, name="their-check", origin="their-package 1.0")
    assert state_of(own, {}) is CheckState.ENABLED
    assert state_of(other, {}) is CheckState.EVALUATION
    assert in_force([own, other], {"their-check": CheckState.ENABLED})["their-check"] is CheckState.ENABLED
    for _ in range(2):
        with small.db.write() as tx:
            welcome(tx, [own, other], {}, CheckState.EVALUATION, now=small.now)
    rows = small.rows(check_state)
    assert [(row.check, row.state, row.origin, row.reason) for row in rows] == [
        ("their-check", "evaluation", "installed", "installed from their-package 1.0")
    ]
    told = [row for row in small.rows(journal) if row.action == "check.set-state"]
    assert [(row.subject_id, row.actor_kind) for row in told] == [("their-check", "policy")]
    with small.db.write() as tx:  # it is not installed any more, and its findings can be withdrawn
        states.set_state(tx, OPERATOR, "their-check", CheckState.WIPED_OUT, reason="gone", now=small.now)
