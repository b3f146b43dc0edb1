"""Jobs as an operator sees them: what waits, what failed and why; retry and discard, recorded in the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select, update

from bonded.catalog.rules import check_reason
from bonded.db.engine import Tx, touch
from bonded.db.jobs import job
from bonded.journal import record
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import Actor

NO_SUCH_JOB = define(
    "no-such-job",
    404,
    "No such job",
    "There is no job with this number. Jobs that are done are deleted: look at the list again.",
)
NOT_DEAD = define(
    "job-not-dead",
    409,
    "The job has not ended",
    "Only a job that has used up its attempts can be retried or discarded. A waiting job is tried again by itself.",
)
NO_REASON = define(
    "reason-needed-for-job",
    400,
    "A reason is needed",
    "Discarding a job means that its work is never done: say why, for the journal.",
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One job. `state` is pending, running or dead; `attempt` counts from 1; `last_error` is "" when none happened."""

    id: int
    queue: str
    key: str
    state: str
    attempt: int
    due: datetime
    created_at: datetime
    last_error: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Jobs of one queue in one state; `oldest` is the earliest due time among them."""

    queue: str
    state: str
    count: int
    oldest: datetime


def letters(conn: Connection, *, state: str | None, limit: int, offset: int = 0) -> list[Letter]:
    """Jobs in `state` (None: any), those due longest first, at most `limit` after the first `offset`."""
    wanted = _columns().order_by(job.c.due, job.c.id).limit(limit).offset(offset)
    if state is not None:
        wanted = wanted.where(job.c.state == state)
    return [Letter(*row) for row in conn.execute(wanted)]


def totals(conn: Connection) -> list[Waiting]:
    """How many jobs each queue has in each state."""
    rows = conn.execute(
        select(job.c.queue, job.c.state, func.count(), func.min(job.c.due))
        .group_by(job.c.queue, job.c.state)
        .order_by(job.c.queue, job.c.state)
    )
    return [Waiting(*row) for row in rows]


def retry(tx: Tx, who: Actor, job_id: int, *, now: datetime, reason: str = "") -> Letter:
    """Give a dead job all its attempts again, due now. Raises Refusal (no-such-job, job-not-dead, reason-too-long).

    `reason` may be empty: trying again is what the work needs anyhow, and after an outage there are hundreds of them.

    Where a pending job has the same key already, that one does the work and the dead row goes.
    """
    words = check_reason("job.retry", reason)
    letter = _dead(tx, job_id)
    twin = tx.execute(select(job.c.id).where(job.c.key == letter.key, job.c.state == "pending")).first()
    if twin:
        tx.execute(delete(job).where(job.c.id == job_id))
    else:
        tx.execute(update(job).where(job.c.id == job_id).values(state="pending", due=now, attempt=0, lease_until=None))
    _record(tx, "job.retry", who, letter, words, now)
    touch(tx, letter.queue, [] if twin else [job_id])
    return letter


def discard(tx: Tx, who: Actor, job_id: int, *, reason: str, now: datetime) -> Letter:
    """Delete a dead job. Raises Refusal (no-such-job, job-not-dead, reason-needed-for-job, reason-too-long)."""
    if not reason.strip():
        raise Refusal(NO_REASON, "discarding a job needs a reason")
    words = check_reason("job.discard", reason)
    letter = _dead(tx, job_id)
    tx.execute(delete(job).where(job.c.id == job_id))
    _record(tx, "job.discard", who, letter, words, now)
    return letter


def _columns() -> Select[Any]:
    error = func.coalesce(job.c.last_error, "")
    return select(job.c.id, job.c.queue, job.c.key, job.c.state, job.c.attempt, job.c.due, job.c.created_at, error)


def _dead(tx: Tx, job_id: int) -> Letter:
    row = tx.execute(_columns().where(job.c.id == job_id).with_for_update()).one_or_none()
    if row is None:
        raise Refusal(NO_SUCH_JOB, f"there is no job {job_id}")
    letter = Letter(*row)
    if letter.state != "dead":
        raise Refusal(NOT_DEAD, f"job {job_id} is {letter.state}: only dead jobs are retried or discarded by hand")
    return letter


def _record(tx: Tx, action: str, who: Actor, letter: Letter, reason: str, now: datetime) -> None:
    facts = {"job": letter.id, "queue": letter.queue, "key": letter.key}
    record(
        tx,
        action,
        who,
        (SubjectKind.INDEX, ""),
        now=now,
        facts=facts | ({"reason": reason} if reason else {}),
    )
