"""One publication from beginning to end: claim, collect, build, open, put, flip, settle.

The store says what is live; the database allocates numbers. A number is never used twice. An unfinished publication is
burned, never completed: the next one takes its events. There is no other recovery code; starting up is step one.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from bonded.seams import NotStored, SignerRefused
from bonded.telemetry.measures import STEP_SECONDS
from bonded.telemetry.metrics import timed
from bonded.tuf.base import Base
from bonded.tuf.binfile import EMPTY, DamagedBin, Target
from bonded.tuf.build import TOGETHER, From, Number, build
from bonded.tuf.canonical import NotCanonical, open_envelope
from bonded.tuf.claim import claim, next_number
from bonded.tuf.collect import collect
from bonded.tuf.context import Publisher
from bonded.tuf.draft import Unspliced
from bonded.tuf.flip import flip
from bonded.tuf.hands import Hands, hands
from bonded.tuf.live import unsettled_state
from bonded.tuf.open import open_number
from bonded.tuf.outcome import Burned, Outcome, Result
from bonded.tuf.page_splice import Unspliceable
from bonded.tuf.plan import Plan, Work
from bonded.tuf.put import put, store_of
from bonded.tuf.renew import pointer_due, rows_of
from bonded.tuf.roles import hashed, metadata_name
from bonded.tuf.settle import Settlement, settle, settlement
from bonded.tuf.signing import signing, signing_many
from bonded.tuf.steps_perform import attend
from bonded.tuf.threads import FEW, Each, several, uncollected

__all__ = ["Outcome", "Result", "publish"]

log = structlog.get_logger("bonded.publisher")

LOADED = 2
"""Bins that a thread loads one after the other from a store that is elsewhere."""


def publish(p: Publisher, now: datetime) -> Outcome:
    """Make one publication of what waits and of what is due for a new signature.

    Raises what a step raises: Untrusted, Behind, WrongClock, BadProject, StorageError, SignerRefused, the database's
    errors. Whatever it raises, calling it again is right.
    """
    with p.lock.held() as mine, uncollected():
        if not mine:
            return Outcome(Result.BUSY)
        try:
            with _step("claim"):
                turn = attend(p, claim(p, now), now)
                claimed = turn.claimed
            with _step("collect"):
                work = turn.asked(collect(p, claimed, now, turn.write))
            if work.empty and not turn.must and not pointer_due(claimed.base, p.settings, now):
                return Outcome(Result.NOTHING)
            # Threads that fork, or wait for one another, gain nothing.
            threads = 1 if p.settings.hands else p.settings.writers
            with (
                several(threads, p.public.at_once) as each,
                hands(p.settings.hands, store_of(p), p.settings.least_shared) as helping,
            ):
                with _step("build"):

                    def again(whole: frozenset[str]) -> Work:
                        return turn.asked(collect(p, claimed, now, turn.write, whole))

                    plan = _build(p, work, claimed.base, now, each, helping, turn.keyids, again)
                with _step("open"):
                    row = open_number(p, plan, now)
                with _step("put"):
                    put(p, plan, helping, each)
                    helping.dismiss()
                    done = _durable(p, row, plan, now)
                with _step("flip"):
                    p.memory.base = turn.remembered(flip(p, plan, claimed.base))
                with _step("settle"):
                    _settle(p, plan, done, now)
        except (Burned, SignerRefused) as error:
            p.memory.base = None
            log.warning("burned", reason=str(error))
            return Outcome(Result.BURNED, detail=str(error))
    log.info("published", publication=plan.n, events=len(plan.rows), projects=len(plan.projects), bins=len(plan.bins))
    return Outcome(Result.PUBLISHED, plan.n, len(plan.rows))


def _step(name: str) -> AbstractContextManager[None]:
    return timed(STEP_SECONDS, step=name)


def _build(
    p: Publisher,
    work: Work,
    base: Base,
    now: datetime,
    each: Each,
    helping: Hands,
    keyids: frozenset[str] | None,
    again: Callable[[frozenset[str]], Work],
) -> Plan:
    """Number, render and sign. Bins that are damaged in the store are rendered from rows, like those that are due; so are
    pages that cannot be spliced, for which `again` collects with those projects as a whole."""
    n, attempt = next_number(p, base, now), secrets.token_hex(8)
    p.signer.reserve(n, attempt)
    p.memory.numbered = True
    kind = "publish" if work.rows or work.projects or work.project_list is not None else "refresh"
    number = Number(n, attempt, kind, now, p.settings.lifetime)
    sign, many = signing(p, n, attempt, keyids), signing_many(p, n, attempt, keyids)
    whole: frozenset[str] = frozenset()
    together = TOGETHER if p.public.at_once == 1 else LOADED
    for last in (False, False, True):
        load = partial(_previous_bin, p, work, base)
        helping.end()  # they hold what an earlier try made
        try:
            plan = build(
                work,
                start_of(base),
                number,
                load,
                sign,
                many,
                each,
                partial(_previous_page, p),
                helping.share,
                together=together,
            )
            break
        except Unspliced as error:
            if last:
                raise
            log.info("pages are rendered anew", projects=len(error.keys), reason=str(error)[:200])
            whole |= frozenset(error.keys)
            work = again(whole)
        except DamagedBin:
            if last:
                raise
            work = _with_rows(p, work, base)
    for role in plan.differing if not work.expose_all else ():
        log.error("a bin was not what the rows say; the rows are published", bin=role)
    return plan


def _previous_page(p: Publisher, path: str, target: Target) -> bytes:
    """A live page, checked against what is signed of it. Raises Unspliceable, StorageError."""
    try:
        data = p.public.read(hashed(path, target.sha256))
    except NotStored:
        raise Unspliceable("its object is missing in the store") from None
    if hashlib.sha256(data).hexdigest() != target.sha256:
        raise Unspliceable("its object is damaged in the store")
    return data


def start_of(base: Base) -> From:
    """Base as the pure build takes it."""
    return From(base.n, base.attempt, base.content, base.changes, base.versions, base.trust.layout, base.listing)


def _previous_bin(p: Publisher, work: Work, base: Base, role: str) -> bytes:
    """The signed part of a bin's live file, checked against its row; an empty bin where the rows will replace it."""
    if role not in work.bins and role in work.renew:
        return EMPTY  # the first version of a bin of a new generation
    known = work.bins[role]
    if known.version != base.versions.get(role) and role not in work.renew:
        p.memory.distrust = True
        raise Burned(f"bin {role} is {base.versions.get(role)} in the store and {known.version} in the database")
    try:
        data = p.public.read(metadata_name(role, known.version))
        if hashlib.sha256(data).hexdigest() == known.sha256:
            return open_envelope(data)[1]
    except (NotStored, NotCanonical):
        pass
    if role in work.renew:
        return EMPTY
    raise DamagedBin(f"{role} {known.version} is missing or has other bytes")


def _with_rows(p: Publisher, work: Work, base: Base) -> Work:
    """`work` with every damaged bin to be rendered from rows. Rows of targets change only in our own settle."""
    damaged = []
    for role in work.bins:
        try:
            _previous_bin(p, work, base, role)
        except DamagedBin as error:
            log.error("a damaged bin is made anew", reason=str(error))
            damaged.append(role)
    with p.db.read() as conn:
        return replace(work, renew={**work.renew, **rows_of(conn, base.trust.layout, damaged)})


def _durable(p: Publisher, row: dict[str, Any], plan: Plan, now: datetime) -> Settlement:
    """Make what was put durable; meanwhile it is worked out what settle will write."""
    work_out = partial(settlement, p.db.engine.dialect, row, plan.changes, now)
    if len(plan.bins) <= FEW:
        p.public.barrier()
        return work_out()
    with ThreadPoolExecutor(1, thread_name_prefix="barrier") as pool:
        waits = pool.submit(p.public.barrier)
        done = work_out()
        waits.result()
    return done


def _settle(p: Publisher, plan: Plan, done: Settlement, now: datetime) -> None:
    """Already visible: if this fails, the next claim does it; and perhaps a rival's claim has done it already."""
    with p.db.write() as tx:
        state = unsettled_state(tx, plan.n, plan.attempt)
        if state is not None:
            settle(tx, done, now=now, purges=p.purger.active, burned=state == "burned")
