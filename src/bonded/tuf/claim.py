"""claim: find out what is live, and finish whatever was flipped but not settled.

If the publisher died anywhere in the last publication, this is where it is found out: a number whose row is open was
either flipped (then it is settled now) or it was not (then it is burned, and its rows are taken again).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import func, insert, select, update

from bonded.seams import NotStored
from bonded.tuf.adopt import adopt
from bonded.tuf.base import Base, read_base, read_changes
from bonded.tuf.context import Publisher
from bonded.tuf.live import Name, live, locked_live, unsettled
from bonded.tuf.outcome import Burned
from bonded.tuf.roles import metadata_name
from bonded.tuf.settle import settle_row, supersede, written
from bonded.tuf.tables import head as head_table
from bonded.tuf.tables import publication
from bonded.tuf.trust import Untrusted

SKEW = timedelta(minutes=1)
"""How far the clock may be behind the last publication: hosts agree no better than that."""

# Built once: building a statement costs several times what running it does.
_AN_OPEN = select(publication.c.n).where(publication.c.state == "open")
_OPEN = select(publication).where(publication.c.state == "open").with_for_update()
_HEAD = select(head_table.c.head)

log = structlog.get_logger("bonded.publisher")


class Behind(Exception):
    """The store is newer than the database knows: a database restored too far back. Nothing may be published."""


class WrongClock(Exception):
    """The clock is behind the last publication, or too far ahead of it. The message says what to do if it is right."""

    def __init__(self, base: Base, now: datetime) -> None:
        super().__init__(
            f"the clock says {now:%Y-%m-%d %H:%M:%S}, {'before' if now < base.at else 'more than a day after'} the last publication, "
            f"which was signed at {base.at:%Y-%m-%d %H:%M:%S} UTC. If the clock is right, stop what publishes and run `bonded tuf refresh "
            "--accept-clock` once"
        )


class Known(StrEnum):
    """How the store and the database stand to each other."""

    EQUAL = "equal"
    OLDER = "older"
    """The store was restored: what the database knows beyond it is put there again."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A verified base that the database agrees with."""

    base: Base
    known: Known
    since: int = 0
    """Number of the newest publication that store and database share; pages of later ones are written again."""


def claim(p: Publisher, now: datetime) -> Claimed:
    """Read and verify base, and bring the database up to it. Call with the lock held.

    Raises Untrusted, Behind, WrongClock, Burned (another publisher was here), StorageError, and the database's errors.
    """
    base = read_base(p.public, p.memory.base)
    p.memory.base = base
    check_clock(p, base, now)
    check_signer(p, base)
    with p.db.read() as conn:
        known = live(conn)
    if known != (base.n, base.attempt):
        return _catch_up(p, base, known, now)
    if p.memory.distrust:
        adopt(p, base, known, now, older=False)
        p.memory.distrust = False
    _burn(p, now)
    return Claimed(base, Known.EQUAL)


def check_clock(p: Publisher, base: Base, now: datetime) -> None:
    """Raise WrongClock when the clock is behind base, unless the operator accepted it."""
    if now < base.at - SKEW and not p.settings.accept_clock:
        raise WrongClock(base, now)


def check_signer(p: Publisher, base: Base) -> None:
    """Raise Untrusted unless the signer holds a key that the offline roles list for every online role."""
    mine = set(p.signer.keys())
    for signers in (base.trust.timestamp, base.trust.snapshot, base.trust.bins):
        if len(mine & set(signers.keys)) < signers.threshold:
            raise Untrusted("the signer's key is not one that the offline metadata list")


def _catch_up(p: Publisher, base: Base, known: Name, now: datetime) -> Claimed:
    """Settle what was flipped, adopt what a refresher wrote, from the oldest that the database does not know."""
    news, since, older = _since(p, base, known)
    for entry in news:
        known = _take_up(p, entry, known, now)
    adopt(p, base, known, now, older=older)
    _burn(p, now)
    return Claimed(base, Known.OLDER if older else Known.EQUAL, since)


def _take_up(p: Publisher, entry: Mapping[str, Any], known: Name, now: datetime) -> Name:
    """Settle one publication that the database does not hold for live; returns what it holds for live then."""
    name = int(entry["publication"]), str(entry["attempt"])
    with p.db.write() as tx:
        if locked_live(tx) != known:
            raise Burned("another publisher was here")
        row = unsettled(tx, *name)
        if row is not None:
            settle_row(tx, row, entry, now=now, purges=p.purger.active)
            log.info("settled after a restart", publication=name[0])
            return name
        if entry["targets"] or entry["pages"]:
            raise Behind(
                f"publication {name[0]} is live and the database knows nothing of it: the database was restored "
                "from an older state; nothing is published until `bonded tuf recover`"
            )
        if entry["previous"]:
            supersede(tx, [metadata_name("snapshot", int(entry["previous"]["publication"]))], now)
    return known


def _since(p: Publisher, base: Base, known: Name) -> tuple[list[dict[str, Any]], int, bool]:
    """The publications from after `known` up to base, oldest first; the number they begin from; whether that is not
    `known` itself: then the store is older than the database."""
    found: list[dict[str, Any]] = []
    at: dict[str, Any] | None = {"publication": base.n, "attempt": base.attempt, "sha256": base.changes}
    while at is not None and at["publication"] > known[0]:
        try:
            entry = read_changes(p.public, at["publication"], at["sha256"])
        except NotStored as error:
            raise Behind(f"publication {at['publication']} is not in the store any more") from error
        found.append(entry)
        at = entry["previous"]
    begin = (0, "") if at is None else (int(at["publication"]), str(at["attempt"]))
    return found[::-1], begin[0], begin != known


def _burn(p: Publisher, now: datetime) -> None:
    """Mark what was opened and not flipped. Nothing of it is visible, its events still wait; its objects are swept."""
    with p.db.read() as conn:
        if conn.execute(_AN_OPEN).first() is None:
            return
    with p.db.write() as tx:
        for row in tx.execute(_OPEN).mappings().all():
            tx.execute(update(publication).where(publication.c.n == row["n"]).values(state="burned"))
            supersede(tx, written({**row}), now)


def next_number(p: Publisher, base: Base, now: datetime) -> int:
    """max(head, live + 1, the signer's highest + 1); the first of a process is also at least the clock.

    The clock (tenths of a second since 1970) keeps a host restored from an image from using its numbers again. It helps
    only where the flip is conditional; elsewhere dense numbers make the create-only snapshot the arbiter between rivals.
    """
    with p.db.write() as tx:
        head = tx.execute(_HEAD).scalar_one_or_none()
        if head is None:
            known = tx.execute(select(func.coalesce(func.max(publication.c.n), 0))).scalar_one()
            head = max(known, base.n) + 1
            tx.execute(insert(head_table).values(id=1, head=head))
    return number_after(p, base, now, int(head))


def number_after(p: Publisher, base: Base, now: datetime, least: int = 0) -> int:
    """The same, given the database's head; without a database, 0."""
    numbers = [least, base.n + 1, p.signer.highest()[0] + 1]
    if p.public.conditional and not p.memory.numbered:
        numbers.append(int(now.timestamp() * 10))
    return max(numbers)
