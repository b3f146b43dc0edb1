"""Judging again from stored facts: what would change, by which check or policy, and that nothing is written or opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete

from bonded.catalog.tables import case, finding, screening_run, verdict
from bonded.journal.tables import journal
from bonded.screening import replay as room
from bonded.screening import states
from bonded.screening.child import many_call
from bonded.screening.policy import Policy
from bonded.screening.replay import Replayed, Summary
from bonded.screening.selection import Selection
from bonded.screening.states import CheckState
from bonded.screening.tables import facts
from bonded.values.refusals import Refusal
from bonded.values.states import Verdict
from bonded.values.who import OPERATOR
from tests.screening.conftest import DOUBTFUL, HOSTILE, PLAIN
from tests.screening.index import Index
from tests.screening.test_run import Failing

CHECK = "decoded-or-downloaded-code-executed"


def set_state(index: Index, state: CheckState, name: str = CHECK) -> None:
    with index.db.write() as tx:
        states.set_state(tx, OPERATOR, name, state, reason="a test", now=index.now)


def replay(
    index: Index, *names: str, policy: Policy | None = None, selection: Selection | None = None, jobs: int = 2
) -> tuple[Summary, list[Replayed]]:
    chosen = selection or Selection()
    what = room.plan(index.context, names, chosen, policy=policy, now=index.now)
    every = list(room.replay(index.context, what, chosen, jobs=jobs, now=index.now))
    assert len(every) == what.total
    return room.summarize(every), every


def everything(index: Index) -> list[Any]:
    return [index.rows(table) for table in (finding, screening_run, verdict, case, journal, facts)]


def test_what_a_check_would_change_before_it_is_enabled(index: Index) -> None:
    set_state(index, CheckState.EVALUATION)
    for name, source in (("bad-thing", HOSTILE), ("odd-thing", DOUBTFUL), ("plain-thing", PLAIN)):
        index.screened(name, source)
    before = everything(index)
    found, every = replay(index, CHECK)
    assert (found.files, found.judged, found.without_facts) == (3, 3, 0)
    assert found.changes == {"clear to reject": 1, "clear to review": 1}
    assert found.by_names == found.changes
    assert [one.file.project_key for one in found.worst] == ["bad-thing", "odd-thing"]
    assert {one.then for one in every} == {Verdict.CLEAR}
    assert everything(index) == before, "it writes nothing"


def test_it_opens_no_archive_and_makes_no_facts(small: Index) -> None:
    set_state(small, CheckState.EVALUATION)
    file = small.screened("bad-thing", HOSTILE)
    small.vault.delete(small.file(file.id).vault_key)
    calls: list[Any] = []
    real = small.sandbox

    def watch(call: Any, _: bytes) -> str:
        calls.append(call)
        return ""

    small.sandbox = Failing(real, watch)
    found, _ = replay(small, CHECK)
    assert found.changes == {"clear to reject": 1}
    assert calls == [many_call]


def test_files_without_facts_of_today_are_counted(small: Index) -> None:
    small.screened("plain-thing")
    other = small.screened("odd-thing", DOUBTFUL)
    with small.db.write() as tx:
        tx.execute(delete(facts).where(facts.c.sha256 == other.sha256))
    found, _ = replay(small, CHECK)
    assert (found.files, found.judged, found.without_facts) == (2, 1, 1)


def test_another_policy(small: Index) -> None:
    small.screened("odd-thing", DOUBTFUL)
    mild = replace(Policy(), review=0.95, reject=1.0)
    found, _ = replay(small, policy=mild)
    assert found.changes == {"review to clear": 1}
    assert not any(found.by_names.values())
    assert replay(small, policy=Policy())[0].changes == {}


def test_what_other_rules_changed_is_not_laid_to_the_check(small: Index) -> None:
    set_state(small, CheckState.DISABLED)
    small.screened("odd-thing", DOUBTFUL)
    set_state(small, CheckState.ENABLED)
    found, _ = replay(small, "startup-hook")
    assert found.changes == {"clear to review": 1}
    assert found.by_names == {"clear to review": 0}


def test_a_choice_of_files(small: Index) -> None:
    small.screened("aa-one")
    small.screened("bb-one")
    assert replay(small, CHECK, selection=Selection(project="aa-*"))[0].files == 1


def test_one_job_or_many_say_the_same(small: Index) -> None:
    set_state(small, CheckState.EVALUATION)
    for n in range(8):
        small.screened(f"thing-{n}", DOUBTFUL if n % 2 else PLAIN)
    one, many = replay(small, CHECK, jobs=1), replay(small, CHECK, jobs=4)
    assert one == many
    ids = [row.file.id for row in many[1]]
    assert ids == sorted(ids)


def test_checks_that_do_not_run_are_refused(small: Index) -> None:
    with pytest.raises(Refusal, match="no check called"):
        replay(small, "nothing")
    set_state(small, CheckState.DISABLED)
    with pytest.raises(Refusal, match="evaluation first"):
        replay(small, CHECK)


def test_only_the_most_hostile_are_kept(small: Index) -> None:
    set_state(small, CheckState.EVALUATION)
    small.screened("bad-thing", HOSTILE)
    small.screened("odd-thing", DOUBTFUL)
    what = room.plan(small.context, [CHECK], Selection(), policy=None, now=small.now)
    every: Iterable[Replayed] = list(room.replay(small.context, what, Selection(), jobs=1, now=small.now))
    found = room.summarize(every, most=1)
    assert [one.file.project_key for one in found.worst] == ["bad-thing"]
    assert sum(found.changes.values()) == 2
