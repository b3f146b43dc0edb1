"""Anchors: from which publication, and which digest of its record, a recovery begins.

An intruder with the online key can sign a record that leads anywhere. What others know of the good publication counts
more, in this order: a digest that the operator was given (by a mirror, an auditor, a log), the row of a database that the
intruder had no hand in, the record that the live publication leads to.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from bonded.seams import NotStored, Storage
from bonded.tuf.packs import Records, chain
from bonded.tuf.recover_live import Live, read_live
from bonded.tuf.tables import publication
from bonded.tuf.trust import Untrusted


@dataclass(frozen=True, slots=True)
class Good:
    """A publication that is held for good: number, attempt, and the hex sha256 of its record. `by` says who vouches."""

    n: int
    attempt: str
    changes: str
    by: str


def known_good(public: Storage, n: int, conn: Connection | None = None, digest: str = "") -> Good:
    """The newest publication not after `n`. `digest`: hex sha256 of exactly `publications/<n>.json`.

    Raises LookupError when nobody knows it, Untrusted when the record is not what is known of it.
    """
    if digest:
        return _given(public, n, digest.lower())
    row = None if conn is None else _row(conn, n)
    try:
        found = _by_record(public, n)
    except (Untrusted, LookupError, NotStored):
        if row is None:
            raise
        return row
    # Who overwrote records can make the live one lead anywhere; a record that our own database made is ours.
    return row if row is not None and row.n >= found.n else found


def _given(public: Storage, n: int, digest: str) -> Good:
    link = Records(public).link(n, digest)
    return Good(n, link.attempt, digest, "the digest that was given")


def _row(conn: Connection, n: int) -> Good | None:
    """The newest publication up to `n` that this database made (not: that it found and adopted)."""
    c = publication.c
    query = select(c.n, c.attempt, c.changes_sha256).where(c.n <= n, c.state == "live", c.kind != "adopted")
    row = conn.execute(query.order_by(c.n.desc()).limit(1)).one_or_none()
    return None if row is None else Good(int(row.n), row.attempt, row.changes_sha256, "this database")


def _by_record(public: Storage, n: int) -> Good:
    live = read_live(public)
    if not live.changes:
        raise Untrusted(
            f"the live snapshot {live.n} does not say what it changed: nothing leads to publication {n}; "
            f"give the sha256 of publications/{n}.json, as somebody has it from before, with --digest"
        )
    for link in chain(public, live):
        if link.n <= n:
            return Good(link.n, link.attempt, link.sha256, "the live record")
    raise LookupError(f"the record begins after publication {n}")


def live_good(public: Storage) -> Good:
    """The live publication, held for good. Raises Untrusted, NotStored."""
    live: Live = read_live(public)
    if not live.changes:
        raise Untrusted(f"the live snapshot {live.n} carries no record: give --to, the last known good publication")
    return Good(live.n, live.attempt, live.changes, "the live snapshot")
