"""Purge jobs: have the caches in front of the public store forget what changed, and look whether they did.

A job takes along the others that wait, so that a cache that was out of reach is asked once for everything. It never
dead-letters: a cache that does not confirm, or shows what it should not, is asked again with growing pauses of at most 60 s,
and `bonded tuf status` raises an alarm. Purge jobs have a worker of their own, so nothing ever waits for a slow cache.
Where nothing can be purged or looked at, none are queued.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete, select, update

from bonded.db.engine import Tx
from bonded.db.jobs import Job, enqueue
from bonded.db.jobs import job as jobs
from bonded.db.worker import Effects
from bonded.seams import PurgeFailed, Purger, Storage
from bonded.telemetry import metrics
from bonded.telemetry.measures import PURGE_SECONDS, PURGES
from bonded.tuf.context import Publisher
from bonded.tuf.shown import Expected, expected

QUEUE = "purge"
AT_MOST = 200
"""Jobs that one takes along."""
PAUSES = (0.0, 0.2, 0.6)
"""Seconds before each look at what the caches show; a page that is only marked as old is shown once more."""
AGAIN = timedelta(seconds=2)
"""A fetch may have been under way while a file was withdrawn, and put into the cache after the purge: it is purged again."""

log = structlog.get_logger("bonded.purge")


class StillShown(Exception):
    """A cache shows what it was told to forget: the job comes back."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Jobs done together: their ids, surrogate keys, and the files whose bytes may go once the keys are purged."""

    ids: tuple[int, ...]
    keys: tuple[str, ...]
    then: tuple[str, ...]


def later(tx: Tx, purger: Purger, name: str, keys: Iterable[str], *, now: datetime, then: Iterable[str] = ()) -> None:
    """Queue a purge of surrogate keys in the caller's transaction; nothing where nothing can be purged or looked at.

    `name` must be its own: a pending job of that name would swallow the keys. `then`: ids of files whose bytes go when
    the keys are purged and pages that name them have run out of caches.
    """
    wanted = sorted(set(keys))
    if not (purger.active or purger.caches or then):
        return
    payload: dict[str, Any] = {"keys": wanted} | ({"then": sorted(then)} if then else {})
    enqueue(tx, QUEUE, f"purge:{name}", payload, now=now, due=now + purger.lasting)


def handle(p: Publisher, job: Job, now: datetime) -> Effects | None:
    """Purge the surrogate keys of the payload and of the jobs that wait with it, then look.

    Payload: {"keys": [...], "then": [file id, ...]}. Raises PurgeFailed, StillShown or the store's error: the job comes
    back. If we stop anywhere, the job's lease ends and it runs again: purging twice does no harm.
    """
    taken = _together(p, job, now)
    started = time.monotonic()
    try:
        confirm(p.public, p.purger, taken.keys)
    except (PurgeFailed, StillShown):
        metrics.count(PURGES, result="failed")
        _put_off(p, taken, now + timedelta(seconds=min(60, 2 ** min(job.attempt, 6))))
        raise
    metrics.count(PURGES, result="confirmed")
    metrics.took(PURGE_SECONDS, time.monotonic() - started)
    return lambda tx: _finish(tx, p, taken, now)


def confirm(public: Storage, purger: Purger, keys: Iterable[str]) -> None:
    """Purge, and return when every cache has confirmed and shows nothing old. Raises PurgeFailed, StillShown."""
    wanted = sorted(set(keys))
    if not wanted:
        return
    look = expected(public, wanted) if purger.caches else Expected()
    purger.purge(wanted)
    wrong = ""
    for pause in PAUSES if look else ():
        time.sleep(pause)
        wrong = look.wrong(public, purger)
        if not wrong:
            return
    if wrong:
        raise StillShown(wrong)


def _together(p: Publisher, job: Job, now: datetime) -> Taken:
    with p.db.read() as conn:
        c = jobs.c
        due = (c.queue == QUEUE) & (c.state == "pending") & (c.due <= now)
        rows = conn.execute(select(c.id, c.payload).where(due).order_by(c.due).limit(AT_MOST)).all()
    payloads = [job.payload, *(row.payload for row in rows)]
    keys = {str(key) for payload in payloads for key in payload["keys"]}
    then = {str(file_id) for payload in payloads for file_id in payload.get("then", ())}
    return Taken(tuple(row.id for row in rows), tuple(sorted(keys)), tuple(sorted(then)))


def _put_off(p: Publisher, taken: Taken, until: datetime) -> None:
    """What was taken along waits as long as the job itself: a cache that is down is not asked by each of them in turn."""
    if taken.ids:
        with p.db.write() as tx:
            pending = jobs.c.id.in_(taken.ids) & (jobs.c.state == "pending")
            tx.execute(update(jobs).where(pending).values(due=until))


def _finish(tx: Tx, p: Publisher, taken: Taken, now: datetime) -> None:
    if taken.ids:
        tx.execute(delete(jobs).where(jobs.c.id.in_(taken.ids) & (jobs.c.state == "pending")))
    for file_id in taken.then:
        payload = {"file_id": file_id}
        enqueue(tx, "takedown", f"takedown:{file_id}:bytes", payload, now=now, due=now + p.settings.pages_gone)
