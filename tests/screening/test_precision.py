"""Precision of checks from reviewers' decisions, and checks that go back to evaluation by their own record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, update

from bonded.catalog.tables import case, finding
from bonded.catalog.tables import file as file_table
from bonded.checks.registry import by_name, discover
from bonded.db.engine import Database
from bonded.journal.tables import journal
from bonded.review import decide
from bonded.review.undo import undo
from bonded.screening import states
from bonded.screening.demotion import demote, failing, reason_of
from bonded.screening.precision import (
    Observed,
    Precision,
    PrecisionSettings,
    precision,
    tally,
    verdict_of,
    wilson,
)
from bonded.screening.states import CheckState, Origin, Standing
from bonded.values.states import FileState
from bonded.values.who import OPERATOR
from tests.catalog.conftest import Shelf

S = FileState
CHECK = "startup-hook"
AT = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = PrecisionSettings(floor=0.4, least=5)


def test_wilson_is_what_the_books_say() -> None:
    assert [round(x, 3) for x in wilson(8, 10)] == [0.490, 0.943]
    assert [round(x, 3) for x in wilson(0, 10)] == [0.0, 0.278]
    assert [round(x, 3) for x in wilson(10, 10)] == [0.722, 1.0]
    assert [round(x, 4) for x in wilson(45, 100)] == [0.3561, 0.5476]
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_interval_holds_the_share_and_narrows(right: int, wrong: int) -> None:
    low, high = wilson(right, right + wrong)
    assert 0.0 <= low <= high <= 1.0
    if right + wrong:
        assert low - 1e-9 <= right / (right + wrong) <= high + 1e-9
        wider = wilson(2 * right, 2 * (right + wrong))
        assert wider[1] - wider[0] <= high - low + 1e-9


def seen(
    name: str, *, bad: bool, case: int | None = None, sha256: str = "", days: int = 0, version: int = 1
) -> Observed:
    claims = frozenset({("a", version)})
    return Observed(name, sha256 or name, case, bad, AT + timedelta(days=days), claims)


def test_one_decision_on_a_hundred_files_is_one() -> None:
    many = [seen(f"f{n}", bad=False, case=7) for n in range(100)]
    assert tally([*many, seen("g", bad=True)]) == [Precision("a", 1, right=1, wrong=1)]


def test_the_same_bytes_are_one_and_join_their_cases() -> None:
    some = [
        seen("f1", bad=False, case=1, sha256="x"),
        seen("f2", bad=False, case=2, sha256="x"),
        seen("f3", bad=False, case=2, sha256="y"),
        seen("f4", bad=False, sha256="y"),
        seen("f5", bad=False, sha256="z"),
    ]
    assert tally(some) == [Precision("a", 1, right=0, wrong=2)]


def test_a_case_in_which_one_file_was_bad_was_worth_it() -> None:
    assert tally([seen("f1", bad=True, case=1), seen("f2", bad=False, case=1)]) == [Precision("a", 1, 1, 0)]


def test_versions_count_apart_and_decisions_from_a_start_on() -> None:
    some = [seen("f1", bad=False, version=1), seen("f2", bad=True, version=2, days=3), seen("f3", bad=True, version=2)]
    assert tally(some) == [Precision("a", 1, 0, 1), Precision("a", 2, 2, 0)]
    assert tally(some, {"a": AT + timedelta(days=1)}) == [Precision("a", 2, 1, 0)]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.booleans()), max_size=30), st.randoms())
def test_the_order_of_decisions_does_not_matter(rows: list[tuple[int, int, bool]], random: Any) -> None:
    some = [seen(f"f{n}", bad=bad, case=case, sha256=f"s{sha}") for n, (case, sha, bad) in enumerate(rows)]
    mixed = some[:]
    random.shuffle(mixed)
    assert tally(some) == tally(mixed)


def test_what_a_decision_says() -> None:
    assert [verdict_of(f"review.{act}", {}) for act in ("release", "quarantine", "reject", "remove", "reopen")] == [
        False, True, True, True, None,
    ]  # fmt: skip
    assert verdict_of("review.confirm", {"state": "rejected"}) is True
    assert verdict_of("review.confirm", {"state": "public"}) is False
    assert verdict_of("review.confirm", {"state": "held"}) is None


# From the database.


def file(
    shelf: Shelf, project: Any, *, state: FileState = S.HELD, claim: dict[str, Any] | None = None, **more: Any
) -> str:
    """A file with one finding of the check."""
    file_id = shelf.file(project, f"{shelf.count}.0", state=state, **more)
    one = by_name(CHECK)
    assert one is not None
    values = {
        "subject_kind": "file", "subject_id": file_id, "file_id": file_id, "check": CHECK, "version": one.version,
        "rules": "r", "severity": "high", "confidence": 0.9, "path": "a.pth", "line": 1, "end_line": 1, "message": "m",
        "excerpt": "", "run_when": "startup", "trace": [], "evidence": None, "created_at": shelf.now,
    } | (claim or {})  # fmt: skip
    with shelf.db.write() as tx:
        tx.execute(insert(finding).values(values))
    return file_id


@pytest.fixture
def shelf(db: Database, now: datetime) -> Shelf:
    """An empty catalogue on each database."""
    return Shelf(db, now)


@pytest.fixture
def projects(shelf: Shelf) -> list[Any]:
    owner = shelf.person("ann")
    return [shelf.project(f"thing-{n}", owner) for n in range(12)]


def act(shelf: Shelf, what: Any, *ids: str) -> None:
    with shelf.db.write() as tx:
        what(tx, OPERATOR, ids, reason="looked at it", now=shelf.now)


def read(shelf: Shelf) -> dict[str, tuple[int, int]]:
    with shelf.db.read() as conn:
        return {one.check: (one.right, one.wrong) for one in precision(conn, since=shelf.now - timedelta(days=30))}


def test_decisions_of_people_are_counted(shelf: Shelf, projects: list[Any]) -> None:
    assert read(shelf) == {}
    released, rejected, removed = (file(shelf, project) for project in projects[:3])
    act(shelf, decide.release, released)
    act(shelf, decide.reject, rejected)
    act(shelf, decide.remove, removed)
    assert read(shelf) == {CHECK: (2, 1)}
    act(shelf, decide.reopen, rejected)
    assert read(shelf) == {CHECK: (1, 1)}, "it is undecided again"
    act(shelf, decide.release, rejected)
    assert read(shelf) == {CHECK: (1, 2)}, "the newest decision counts"
    refused = file(shelf, projects[3], state=S.REJECTED)
    act(shelf, decide.reject, refused)
    assert read(shelf) == {CHECK: (2, 2)}, "a confirmation"
    shelf.now += timedelta(days=31)
    assert read(shelf) == {}, "out of the window"


def test_what_stood_before_a_slip_counts_again(shelf: Shelf, projects: list[Any]) -> None:
    one = file(shelf, projects[0])
    act(shelf, decide.reject, one)
    shelf.now += timedelta(hours=1)
    act(shelf, decide.release, one)
    assert read(shelf) == {CHECK: (0, 1)}
    with shelf.db.write() as tx:
        undo(tx, OPERATOR, reason="wrong button", now=shelf.now)
    assert read(shelf) == {CHECK: (1, 0)}, "the rejection stands again"


def test_policy_alone_decides_nothing(shelf: Shelf, projects: list[Any]) -> None:
    file(shelf, projects[0], state=S.QUARANTINED)
    assert read(shelf) == {}


def test_hints_and_what_never_runs_claim_nothing(shelf: Shelf, projects: list[Any]) -> None:
    hints = [
        file(shelf, project, claim=claim)
        for project, claim in zip(
            projects, [{"severity": "low"}, {"severity": "info"}, {"run_when": "never"}], strict=False
        )
    ]
    act(shelf, decide.release, *hints)
    assert read(shelf) == {}


def test_what_was_found_about_a_project_counts_with_any_of_its_files(shelf: Shelf, projects: list[Any]) -> None:
    about = {"subject_kind": "project", "subject_id": projects[0].id}
    file(shelf, projects[0], claim=about)
    other = shelf.file(projects[0], "9.0", state=S.HELD)
    act(shelf, decide.remove, other)
    assert read(shelf) == {CHECK: (1, 0)}


def test_files_of_a_case_are_one(shelf: Shelf, projects: list[Any]) -> None:
    ids = [file(shelf, projects[0]) for _ in range(5)]
    with shelf.db.write() as tx:
        values = {"project_id": projects[0].id, "state": "open", "score": 1.0, "headline": "x", "opened_at": shelf.now}
        number = tx.execute(insert(case).values(values).returning(case.c.id)).scalar_one()
        tx.execute(update(file_table).where(file_table.c.id.in_(ids)).values(case_id=number))
    act(shelf, decide.release, *ids)
    assert read(shelf) == {CHECK: (0, 1)}


# Back to evaluation.


def wrong(shelf: Shelf, projects: list[Any], number: int) -> None:
    """So many false alerts, each in a case of its own."""
    for project in projects[:number]:
        act(shelf, decide.release, file(shelf, project))


def state(shelf: Shelf) -> tuple[str, str] | None:
    with shelf.db.read() as conn:
        known = states.standings(conn).get(CHECK)
    return (str(known.state), str(known.origin)) if known else None


def test_a_check_that_cries_wolf_goes_back_and_says_so_once(shelf: Shelf, projects: list[Any]) -> None:
    wrong(shelf, projects, 4)
    assert demote(shelf.db, SETTINGS, shelf.now) == [], "too few decisions"
    wrong(shelf, projects[4:], 1)
    assert demote(shelf.db, SETTINGS, shelf.now) == [CHECK]
    assert state(shelf) == ("evaluation", "precision")
    assert demote(shelf.db, SETTINGS, shelf.now) == []
    with shelf.db.read() as conn:
        rows = conn.execute(journal.select().where(journal.c.action == "check.set-state")).all()
    assert [(row.actor_kind, row.subject_id, row.facts["state"]) for row in rows] == [("policy", CHECK, "evaluation")]
    assert rows[0].facts["reason"] == (
        "reviewers confirmed 0 of 5: its precision may be as low as 0%, and its floor is 40%"
    )


def test_it_never_flaps(shelf: Shelf, projects: list[Any]) -> None:
    wrong(shelf, projects, 6)
    demote(shelf.db, SETTINGS, shelf.now)
    shelf.now += timedelta(hours=1)
    with shelf.db.write() as tx:
        states.set_state(tx, OPERATOR, CHECK, CheckState.ENABLED, reason="mended", now=shelf.now)
    assert demote(shelf.db, SETTINGS, shelf.now) == [], "old decisions are forgiven by the person who enabled it"
    wrong(shelf, projects[6:], 4)
    assert demote(shelf.db, SETTINGS, shelf.now) == []
    wrong(shelf, projects[10:], 1)
    assert demote(shelf.db, SETTINGS, shelf.now) == [CHECK], "later ones are not"
    with shelf.db.write() as tx:
        states.set_state(tx, OPERATOR, CHECK, CheckState.DISABLED, reason="useless", now=shelf.now)
    assert demote(shelf.db, SETTINGS, shelf.now) == []
    assert state(shelf) == ("disabled", "person")


def test_a_good_check_stays(shelf: Shelf, projects: list[Any]) -> None:
    for project in projects[:8]:
        act(shelf, decide.reject, file(shelf, project))
    wrong(shelf, projects[8:], 1)
    assert demote(shelf.db, SETTINGS, shelf.now) == []
    assert state(shelf) is None


def test_the_rule_itself() -> None:
    one = by_name(CHECK)
    assert one is not None
    bad = Precision(CHECK, one.version, 5, 15)
    assert failing(discover(), [bad], {}, SETTINGS) == [bad]
    old = Precision(CHECK, one.version - 1, 5, 15)
    assert failing(discover(), [old], {}, SETTINGS) == [], "a new version begins anew"
    mild = PrecisionSettings(floor=0.4, floors={CHECK: 0.1}, least=5)
    assert failing(discover(), [bad], {}, mild) == []
    off = PrecisionSettings(floor=0.0, least=1)
    assert failing(discover(), [Precision(CHECK, one.version, 0, 50)], {}, off) == []
    for known in (CheckState.EVALUATION, CheckState.DISABLED, CheckState.WIPED_OUT):
        assert failing(discover(), [bad], {CHECK: Standing(known, Origin.PERSON)}, SETTINGS) == []
    assert "confirmed 5 of 20" in reason_of(bad, 0.4)
    assert (bad.share, bad.decisions) == (0.25, 20)
    assert Precision("x", 1, 0, 0).share is None
