"""refresh: the publisher minus the database. It signs timestamp, snapshot and due bins anew and changes no target.

A refresher alone keeps clients valid while everything else is down. It leaves the content number as it is; the next
settle of a publisher adopts its versions from the snapshot.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import structlog

from bonded.seams import NotStored, SignerRefused
from bonded.tuf import binfile
from bonded.tuf.adopt import is_bin
from bonded.tuf.base import Base, read_base, signed_bin
from bonded.tuf.build import From, Number, build
from bonded.tuf.canonical import NotCanonical, open_envelope
from bonded.tuf.claim import SKEW, WrongClock, check_clock, check_signer, number_after
from bonded.tuf.context import Publisher
from bonded.tuf.flip import flip
from bonded.tuf.outcome import Burned, Outcome, Result
from bonded.tuf.plan import Work
from bonded.tuf.put import put_objects
from bonded.tuf.renew import START, TAKE, pointer_due
from bonded.tuf.roles import metadata_name
from bonded.tuf.signing import signing, signing_many
from bonded.tuf.trust import Untrusted

AHEAD = timedelta(hours=24)
"""Without a database there is nothing to tell a long sleep from a wrong clock: beyond this an operator must say so."""

log = structlog.get_logger("bonded.refresher")


def refresh(p: Publisher, now: datetime) -> Outcome:
    """Sign what is due anew, once; never touches the database.

    Raises Untrusted, WrongClock, StorageError. Whatever it raises, calling it again is right: an unfinished number is
    never used again, and nothing of it is visible.
    """
    with p.lock.held() as mine:
        if not mine:
            return Outcome(Result.BUSY)
        base = read_base(p.public, p.memory.base)
        p.memory.base = base
        check_clock(p, base, now)
        _check_not_ahead(p, base, now)
        check_signer(p, base)
        due = _due(p, base, now)
        if not due and not pointer_due(base, p.settings, now) and base.at <= now + SKEW:
            return Outcome(Result.NOTHING)
        return _renew(p, base, due, now)


def _check_not_ahead(p: Publisher, base: Base, now: datetime) -> None:
    if now > base.at + AHEAD and not p.settings.accept_clock:
        raise WrongClock(base, now)


def _renew(p: Publisher, base: Base, due: set[str], now: datetime) -> Outcome:
    previous: dict[str, bytes] = {}
    for role in sorted(due):
        try:
            previous[role] = signed_bin(p.public, base.trust, role, base.versions[role])[1]
        except Untrusted as error:
            log.error("a bin cannot be renewed", bin=role, reason=str(error))
    work = Work(
        rows=(),
        pages={},
        old={},
        gone={},
        project_list=None,
        renew={},
        bins={},
        journal_size=base.journal_size,
        journal_root=base.journal_root,
        resign=frozenset(previous),
    )
    n, attempt = number_after(p, base, now), secrets.token_hex(8)
    try:
        p.signer.reserve(n, attempt)
        p.memory.numbered = True
        start = From(base.n, base.attempt, base.content, base.changes, base.versions, base.trust.layout)
        number = Number(n, attempt, "refresh", now, p.settings.lifetime)
        plan = build(work, start, number, previous.__getitem__, signing(p, n, attempt), signing_many(p, n, attempt))
        put_objects(p.public, plan)
        p.public.barrier()
        p.memory.base = flip(p, plan, base)
    except (Burned, SignerRefused) as error:
        p.memory.base = None
        return Outcome(Result.BURNED, detail=str(error))
    log.info("refreshed", publication=n, bins=len(previous))
    return Outcome(Result.PUBLISHED, n)


def _due(p: Publisher, base: Base, now: datetime) -> set[str]:
    """The bins to renew, oldest first, at most a slice; none while all have time."""
    lifetime = p.settings.lifetime
    expiries = sorted(
        (_expiry(p, role, version), role) for role, version in base.versions.items() if is_bin(base, role)
    )
    if not expiries or expiries[0][0] >= (now + lifetime * START).timestamp():
        return set()
    edge = (now + lifetime * TAKE).timestamp()
    return {role for at, role in expiries[: p.settings.refresh_slice] if at < edge}


def _expiry(p: Publisher, role: str, version: int) -> float:
    """When a bin expires, in seconds since 1970, remembered by version; 0 for one that cannot be read: due at once."""
    known = p.memory.expiries.get(role)
    if known is not None and known[0] == version:
        return known[1]
    try:
        data = p.public.read(metadata_name(role, version))
        at = binfile.expires_of(open_envelope(data)[1]).timestamp()
    except (NotStored, NotCanonical, binfile.DamagedBin):
        return 0.0
    p.memory.expiries[role] = (version, at)
    return at
