"""fsck looks at signed metadata: from the trusted root to every bin, from the store alone, then against the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, select

from bonded.ops.chain import Broken, Chain, Document, read_bins, read_chain
from bonded.ops.disagreements import Disagreement, define
from bonded.ops.ground import Ground
from bonded.seams import NotStored
from bonded.tuf.alarms import TARGETS_LIMIT
from bonded.tuf.tables import bin_table, head, publication

META_MISSING = define(
    "metadata-missing",
    "Signed metadata that clients will ask for is not in the store.",
    "Targets, pages and bins: run `bonded tuf put-back`. The others: run `bonded restore --in-place`, which issues every bin anew.",
)
META_DAMAGED = define(
    "metadata-damaged",
    "Signed metadata is not what was signed, or not what its parent names. Clients refuse it.",
    "Find out who can write to the store; then run `bonded tuf put-back` for targets, pages and bins, and `bonded restore --in-place` for the "
    "others. `keys/root.json`, the root that users are given: copy it back from a backup.",
)
META_EXPIRED = define(
    "metadata-expired",
    "A role has expired: clients refuse the whole index.",
    "Online roles: see why the publisher or refresher does not run. Offline roles: hold a ceremony.",
)
META_MARGIN = define(
    "metadata-margin",
    "A role expires soon.",
    "Online roles: see why the publisher or refresher does not run. Offline roles: plan a ceremony now.",
)
NOT_SETTLED = define(
    "not-settled",
    "The database has not caught up with the live publication, which a refresher or a publisher that stopped has made.",
    "Start the publisher: it settles first. Where it says that the store is newer than the database, run `bonded tuf recover`.",
)
BIN_ROW = define(
    "bin-row-differs",
    "The database's row of a bin is not what is live.",
    "Run `bonded restore --in-place`, which issues every bin from the rows.",
)
HEAD = define(
    "head-behind",
    "The next number that the database would give out has been used: two publications could have one number.",
    "Run `bonded restore --in-place`, which begins above every number.",
)
CHANGES = define(
    "changes-missing",
    "The record of changes (publications/N.json) that the snapshot names is missing or differs: mirrors cannot follow.",
    "Copy it back from a backup or a mirror.",
)
LIMIT_NEAR = define(
    "limit-near",
    "Metadata comes near the size that today's clients accept.",
    "The index has outgrown its number of bins: plan a ceremony that chooses more.",
)

LIMITS = {"timestamp": 16_384, "root": 512_000}
"""Default limits of python-tuf's client in bytes; the timestamp lists the snapshot's length, which lifts that one."""
SNAPSHOT_LIMIT = 2_000_000
NEAR = 0.8
MARGIN = 0.5
"""Timestamp and snapshot are signed anew when less than 60 % of their lifetime is left, so never less than half is."""
OFFLINE_MARGIN = timedelta(days=30)
KINDS = {"missing": META_MISSING}


def look(ground: Ground) -> Iterator[Disagreement]:
    """Verify every role; a break in the chain above the bins ends the look, for nothing below it can be trusted."""
    chain = yield from look_above_bins(ground)
    if chain is not None:
        yield from _bins(ground, chain)
        yield from _extra_field(ground, chain)


def look_above_bins(ground: Ground) -> Generator[Disagreement, None, Chain | None]:
    """Verify the roles above the bins; gives the chain, None when it breaks. Of a root that breaks it the look at roots tells."""
    try:
        chain = read_chain(ground.public, ground.root)
    except Broken as broken:
        if not broken.name.endswith(".root.json"):
            yield disagreement(broken)
        return None
    for document in chain.roles():
        yield from judge(ground, document, online=document.role in ("timestamp", "snapshot"))
    return chain


def disagreement(broken: Broken) -> Disagreement:
    """The line for a break in the chain."""
    return Disagreement(KINDS.get(broken.what, META_DAMAGED), broken.name, broken.sentence)


def judge(ground: Ground, document: Document, *, online: bool) -> Iterator[Disagreement]:
    """How long one role is still valid, and how near its size is to what clients accept."""
    left = document.expires - ground.now
    when = document.expires.isoformat()
    if left <= timedelta(0):
        yield Disagreement(META_EXPIRED, document.role, f"version {document.version} expired at {when}")
    elif left < (_least(document) if online else OFFLINE_MARGIN):
        yield Disagreement(META_MARGIN, document.role, f"version {document.version} expires at {when}", warning=True)
    limit = limit_of(document.role)
    ground.sizes.saw(limit[0], len(document.data), limit[1])
    if len(document.data) > NEAR * limit[1]:
        yield Disagreement(
            LIMIT_NEAR, document.name, f"{len(document.data)} bytes of {limit[1]} that clients accept", warning=True
        )


def _least(document: Document) -> timedelta:
    """What a role that is renewed in time always has left: a snapshot says when it was signed, so half of its lifetime."""
    extra = document.signed.get("x-bonded")
    try:
        return (document.expires - datetime.fromisoformat(extra["at"])) * MARGIN if extra else timedelta(0)
    except (KeyError, TypeError, ValueError):
        return timedelta(0)


def limit_of(role: str) -> tuple[str, int]:
    """(kind of role, bytes that today's clients accept of it by default)."""
    if role in LIMITS:
        return role, LIMITS[role]
    return ("snapshot", SNAPSHOT_LIMIT) if role == "snapshot" else ("targets", TARGETS_LIMIT)


def _bins(ground: Ground, chain: Chain) -> Iterator[Disagreement]:
    with ground.db.read() as conn:
        rows = {row.name: row for row in conn.execute(select(bin_table))}
        settled = _settled(conn, chain)
        fresh = conn.execute(select(publication.c.n).limit(1)).first() is None
        yield from _head(conn)
    if not settled and not (fresh and _first(ground, chain)):
        sentence = "the database does not know it as live"
        yield Disagreement(NOT_SETTLED, f"publication {chain.timestamp.version}", sentence, warning=True)
    yield from look_at_bins(ground, chain, lambda document: _row(document, rows.get(document.role)) if settled else ())


def look_at_bins(
    ground: Ground, chain: Chain, more: Callable[[Document], Iterable[Disagreement]]
) -> Iterator[Disagreement]:
    """Verify every bin, a few at a time, and look for `more` in each that verifies."""
    for delegating in chain.delegating:
        for document in read_bins(ground.public, chain, delegating):
            if isinstance(document, Broken):
                yield disagreement(document)
                continue
            yield from judge(ground, document, online=True)
            yield from more(document)


def _settled(conn: Connection, chain: Chain) -> bool:
    c, extra = publication.c, chain.snapshot.signed.get("x-bonded", {})
    here = (c.n == chain.timestamp.version) & (c.attempt == str(extra.get("attempt"))) & (c.state == "live")
    return conn.execute(select(c.n).where(here)).first() is not None


def _head(conn: Connection) -> Iterator[Disagreement]:
    """Every number that this database gave out is behind its head."""
    given = publication.c.kind.in_(("publish", "refresh", "recover"))
    last = conn.execute(select(func.max(publication.c.n)).where(given)).scalar_one()
    following = conn.execute(select(head.c.head)).scalar_one_or_none()
    if last is not None and (following is None or following <= last):
        yield Disagreement(HEAD, "publication_head", f"the next number is {following}, and {last} was given out")


def _first(ground: Ground, chain: Chain) -> bool:
    """Whether it is the first publication, which nobody has settled because nothing has run here yet."""
    try:
        record = orjson.loads(ground.public.get(f"publications/{chain.timestamp.version}.json").data)
    except (NotStored, orjson.JSONDecodeError):
        return False
    return isinstance(record, dict) and record.get("previous", 1) is None


def _row(document: Document, row: Row[*tuple[Any, ...]] | None) -> Iterator[Disagreement]:
    if row is None:
        yield Disagreement(BIN_ROW, document.role, f"the store has version {document.version}, the database no row")
        return
    live = {
        "version": document.version,
        "sha256": hashlib.sha256(document.data).hexdigest(),
        "length": len(document.data),
        "count": len(document.signed["targets"]),
    }
    for column, value in live.items():
        if getattr(row, column) != value:
            told = f"the store has {column} {value}, the database {getattr(row, column)}"
            yield Disagreement(BIN_ROW, document.role, told)
    if row.expires > document.expires:
        told = f"it expires at {document.expires.isoformat()}, the database says {row.expires.isoformat()}: too late"
        yield Disagreement(BIN_ROW, document.role, told)


def _extra_field(ground: Ground, chain: Chain) -> Iterator[Disagreement]:
    """What the snapshot says beside TUF: the record of what changed. (The journal has a look of its own.)"""
    ours = chain.snapshot.signed.get("x-bonded", {})
    n = ours.get("publication")
    name = f"publications/{n}.json"
    try:
        changes = ground.public.get(name).data
    except NotStored:
        yield Disagreement(CHANGES, name, "the live snapshot names it and it is not in the store")
    else:
        if hashlib.sha256(changes).hexdigest() != ours.get("changes"):
            yield Disagreement(CHANGES, name, "its sha256 is not the one in the live snapshot")
        elif not isinstance(orjson.loads(changes), dict):
            yield Disagreement(CHANGES, name, "it is not a record of changes")
