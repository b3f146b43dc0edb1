"""Dead letters: seen with their error, retried or discarded by a person, and recorded."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from bonded.db.engine import Database
from bonded.db.jobs import claim, enqueue, failed
from bonded.journal.tables import journal
from bonded.ops.dead_letters import discard, letters, retry, totals
from bonded.values.refusals import Refusal
from bonded.values.who import OPERATOR

LEASE = timedelta(seconds=30)


def dead_job(db: Database, now: datetime, key: str = "screen:a") -> int:
    with db.write() as tx:
        enqueue(tx, "screen", key, {"file_id": "a"}, now=now, max_attempts=1)
    with db.write() as tx:
        taken = claim(tx, ["screen"], now=now, lease=LEASE)
        assert taken
        assert failed(tx, taken, "boom", now=now)
    return taken.id


def test_a_dead_job_is_listed_with_its_error(db: Database, now: datetime) -> None:
    number = dead_job(db, now)
    with db.read() as conn:
        (letter,) = letters(conn, state="dead", limit=10)
        assert (letter.id, letter.last_error, letter.attempt) == (number, "boom", 1)
        assert [(w.queue, w.state, w.count) for w in totals(conn)] == [("screen", "dead", 1)]
        assert letters(conn, state="pending", limit=10) == []


def test_a_retried_job_has_all_its_attempts_again_and_is_recorded(db: Database, now: datetime) -> None:
    number = dead_job(db, now)
    with db.write() as tx:
        retry(tx, OPERATOR, number, now=now, reason="the disk has room again")
    with db.write() as tx:
        taken = claim(tx, ["screen"], now=now, lease=LEASE)
    assert taken
    assert (taken.id, taken.attempt) == (number, 1)
    with db.read() as conn:
        row = conn.execute(select(journal.c.action, journal.c.facts)).one()
    assert (row.action, row.facts["reason"]) == ("job.retry", "the disk has room again")


def test_a_retried_job_gives_way_to_a_pending_one_of_its_key(db: Database, now: datetime) -> None:
    number = dead_job(db, now)
    with db.write() as tx:
        enqueue(tx, "screen", "screen:a", {}, now=now)
        retry(tx, OPERATOR, number, now=now)
    with db.read() as conn:
        assert [letter.id for letter in letters(conn, state=None, limit=10)] != [number]
        assert len(letters(conn, state=None, limit=10)) == 1
        assert "reason" not in conn.execute(select(journal.c.facts)).scalar_one(), "nobody gave one"


def test_a_discarded_job_is_gone_and_the_reason_kept(db: Database, now: datetime) -> None:
    number = dead_job(db, now)
    with db.write() as tx:
        discard(tx, OPERATOR, number, reason="the file was removed", now=now)
    with db.read() as conn:
        assert letters(conn, state=None, limit=10) == []
        facts = conn.execute(select(journal.c.facts).where(journal.c.action == "job.discard")).scalar_one()
    assert facts["reason"] == "the file was removed"


@pytest.mark.parametrize("act", ["retry", "discard"])
def test_only_dead_jobs_that_exist_are_touched(db: Database, now: datetime, act: str) -> None:
    def do(number: int) -> None:
        with db.write() as tx:
            if act == "retry":
                retry(tx, OPERATOR, number, now=now)
            else:
                discard(tx, OPERATOR, number, reason="x", now=now)

    with pytest.raises(Refusal) as missing:
        do(99)
    assert missing.value.code == "no-such-job"
    with db.write() as tx:
        enqueue(tx, "screen", "screen:b", {}, now=now)
    with db.read() as conn:
        (letter,) = letters(conn, state="pending", limit=1)
    with pytest.raises(Refusal) as waiting:
        do(letter.id)
    assert waiting.value.code == "job-not-dead"


def test_discarding_without_a_reason_is_refused(db: Database, now: datetime) -> None:
    number = dead_job(db, now)
    with pytest.raises(Refusal) as refused, db.write() as tx:
        discard(tx, OPERATOR, number, reason="  ", now=now)
    assert refused.value.code == "reason-needed-for-job"
