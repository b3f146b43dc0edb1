"""Claims: one person at a time, until they lapse; nobody is kept from deciding by them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from bonded.db.engine import Database
from bonded.journal.tables import journal
from bonded.review import claims, queue
from bonded.values.refusals import Refusal
from bonded.values.states import FileState
from bonded.values.who import Actor, ActorKind
from tests.review.making import into_case, one_file, open_case
from tests.review.test_decide import make

ANN = Actor(ActorKind.USER, "ann", "session")
BOB = Actor(ActorKind.USER, "bob", "session")


def cases(db: Database, now: datetime, *scores: float) -> list[int]:
    made = []
    for number, score in enumerate(scores):
        project = make(db, now, f"Sample{number}")
        with db.write() as tx:
            made.append(open_case(tx, project, now, score=score))
            into_case(tx, one_file(tx, project, now, state=FileState.HELD), made[-1])
    return made


def holder(db: Database, case_id: int, now: datetime) -> str:
    with db.read() as conn:
        return claims.holder(queue.line_of(conn, case_id), now)


def test_a_claim_is_one_persons_until_it_lapses_or_is_given_up(db: Database, now: datetime) -> None:
    (one,) = cases(db, now, 0.5)
    assert holder(db, one, now) == ""
    with db.write() as tx:
        claims.claim(tx, ANN, one, now=now)
    assert holder(db, one, now + claims.LASTS - timedelta(seconds=1)) == "ann"
    with pytest.raises(Refusal, match="works on this case"), db.write() as tx:
        claims.claim(tx, BOB, one, now=now + timedelta(minutes=5))
    with pytest.raises(Refusal, match="not claimed by you"), db.write() as tx:
        claims.let_go(tx, BOB, one, now=now)
    with db.write() as tx:
        claims.claim(tx, ANN, one, now=now + timedelta(minutes=5))  # longer
    assert holder(db, one, now + claims.LASTS) == "ann"
    late = now + claims.LASTS + timedelta(minutes=5)
    assert holder(db, one, late) == ""
    with db.write() as tx:
        claims.claim(tx, BOB, one, now=late)
        claims.let_go(tx, BOB, one, now=late)
    assert holder(db, one, late) == ""
    with db.read() as conn:
        rows = conn.execute(select(journal.c.action, journal.c.facts).where(journal.c.action.like("review.%"))).all()
    assert [row.action for row in rows] == ["review.claim"] * 3 + ["review.let-go"]
    assert {row.facts["case"] for row in rows} == {str(one)}


def test_a_claim_by_a_clock_that_was_ahead_lapses(db: Database, now: datetime) -> None:
    one, two = cases(db, now, 0.5, 0.4)
    with db.write() as tx:
        claims.claim(tx, ANN, one, now=now + timedelta(days=365))
    assert holder(db, one, now) == ""
    with db.read() as conn:
        assert queue.after(conn, queue.line_of(conn, two), now, mine="bob") == one
    with db.write() as tx:
        claims.claim(tx, BOB, one, now=now)
    assert holder(db, one, now - timedelta(seconds=1)) == "bob", "the clocks of two hosts differ a little"


def test_a_closed_case_cannot_be_claimed(db: Database, now: datetime) -> None:
    with pytest.raises(Refusal, match="no open case"), db.write() as tx:
        claims.claim(tx, ANN, 4711, now=now)


def test_the_next_case_is_one_that_nobody_else_works_on(db: Database, now: datetime) -> None:
    high, middle, low = cases(db, now, 0.9, 0.6, 0.3)
    with db.write() as tx:
        claims.claim(tx, BOB, middle, now=now)
    with db.read() as conn:
        line = queue.line_of(conn, high)
        assert queue.after(conn, line, now, mine="ann") == low
        assert queue.after(conn, line, now, mine="bob") == middle
        assert queue.after(conn, line, now + claims.LASTS + timedelta(seconds=1), mine="ann") == middle
        assert queue.after(conn, queue.line_of(conn, low), now, mine="ann") == high, "round, from the top"
    (only,) = cases_alone(db, now, [high, middle])
    with db.read() as conn:
        assert queue.after(conn, queue.line_of(conn, only), now, mine="ann") is None


def cases_alone(db: Database, now: datetime, closed: list[int]) -> list[int]:
    from sqlalchemy import update

    from bonded.catalog.tables import case

    with db.write() as tx:
        tx.execute(update(case).where(case.c.id.in_(closed)).values(state="closed", closed_at=now))
    with db.read() as conn:
        return list(conn.execute(select(case.c.id).where(case.c.state == "open")).scalars())
