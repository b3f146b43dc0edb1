"""One publication from beginning to end: claim, collect, build, open, put, flip, settle.

The store says what is live; the database allocates numbers. A number is never used twice. An unfinished publication is
burned, never completed: the next one takes its events. There is no other recovery code; starting up is step one.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import select

from bonded.seams import NotStored, SignerRefused
from bonded.tuf.base import Base
from bonded.tuf.build import From, Load, Number, build
from bonded.tuf.canonical import NotCanonical, open_envelope
from bonded.tuf.claim import claim, next_number
from bonded.tuf.collect import collect
from bonded.tuf.context import Publisher
from bonded.tuf.flip import flip
from bonded.tuf.open import open_number
from bonded.tuf.outcome import Outcome, Result
from bonded.tuf.plan import Plan, Work
from bonded.tuf.put import Burned, put
from bonded.tuf.renew import pointer_due, rows_of
from bonded.tuf.roles import metadata_name
from bonded.tuf.settle import settle
from bonded.tuf.signing import signing
from bonded.tuf.tables import publication

__all__ = ["Outcome", "Result", "publish"]

log = structlog.get_logger("bonded.publisher")


def publish(p: Publisher, now: datetime) -> Outcome:
    """Make one publication of what waits and of what is due for a new signature.

    Raises what a step raises: Untrusted, Behind, WrongClock, BadProject, StorageError, SignerRefused, the database's
    errors. Whatever it raises, calling it again is right.
    """
    with p.lock.held() as mine:
        if not mine:
            return Outcome(Result.BUSY)
        claimed = claim(p, now)
        work = collect(p, claimed, now)
        if work.empty and not pointer_due(claimed.base, p.settings, now):
            return Outcome(Result.NOTHING)
        try:
            plan = _build(p, work, claimed.base, now)
            if not open_number(p, plan, now):
                raise Burned(f"number {plan.n} was allocated by another publisher")
            put(p, plan)
            p.memory.base = flip(p, plan, claimed.base)
        except (Burned, SignerRefused) as error:
            p.memory.base = None
            log.warning("burned", reason=str(error))
            return Outcome(Result.BURNED, detail=str(error))
        _settle(p, plan, now)
    log.info("published", publication=plan.n, events=len(work.rows), projects=len(work.pages), bins=len(plan.bins))
    return Outcome(Result.PUBLISHED, plan.n, len(work.rows))


def _build(p: Publisher, work: Work, base: Base, now: datetime) -> Plan:
    """Number, render and sign. Bins that are damaged in the store are rendered from rows, like those that are due."""
    previous, damaged = _previous_bins(p, work, base)
    if damaged:
        log.error("damaged bins are made anew from rows", bins=sorted(damaged))
        with p.db.read() as conn:
            renew = dict(work.renew) | rows_of(conn, base.trust.layout, damaged)
        work = replace(work, renew=renew)
    n, attempt = next_number(p, base, now), secrets.token_hex(8)
    p.signer.reserve(n, attempt)
    p.memory.numbered = True
    kind = "publish" if work.rows or work.pages or work.project_list is not None else "refresh"
    number = Number(n, attempt, kind, now, p.settings.lifetime)
    plan = build(work, start_of(base), number, load_from(previous), signing(p, n, attempt))
    for role in set(plan.differing) - damaged:
        log.error("bin differed from the rows; the rows were published", bin=role)
    return plan


def start_of(base: Base) -> From:
    """Base as the pure build takes it."""
    return From(base.n, base.attempt, base.content, base.changes, base.versions, base.trust.layout)


def load_from(previous: dict[str, bytes]) -> Load:
    """Previous bins, each read once and forgotten once it was used."""

    def load(role: str) -> bytes:
        return previous.pop(role, b'"targets":{},"version":')

    return load


def _previous_bins(p: Publisher, work: Work, base: Base) -> tuple[dict[str, bytes], set[str]]:
    """The signed part of each bin that may be touched, checked against its row; and which are not what they should be."""
    found: dict[str, bytes] = {}
    damaged: set[str] = set()
    for role, known in work.bins.items():
        if role in work.renew and base.versions.get(role) != known.version:
            continue  # the store is older than the rows: nothing to compare with
        try:
            data = p.public.get(metadata_name(role, known.version)).data
            if hashlib.sha256(data).hexdigest() != known.sha256:
                raise NotCanonical(role)
            found[role] = open_envelope(data)[1]
        except (NotStored, NotCanonical):
            damaged.add(role)
    return found, damaged


def _settle(p: Publisher, plan: Plan, now: datetime) -> None:
    """Already visible: if this fails, the next claim does it."""
    with p.db.write() as tx:
        query = select(publication).where(publication.c.n == plan.n, publication.c.attempt == plan.attempt)
        row = tx.execute(query.with_for_update()).one()
        settle(tx, row, plan.changes, now=now, page_ttl=p.settings.page_ttl)
