"""Proofs that an outsider can check: a row is in the log, and a later log extends an earlier one (RFC 6962)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, select

from bonded.journal import tree
from bonded.journal.leaf import leaf_bytes
from bonded.journal.nodes import NodeMissing, reader
from bonded.journal.seal import current
from bonded.journal.tables import journal, journal_leaf
from bonded.values.refusals import Refusal, define

NO_PROOF = define(
    "no-proof",
    404,
    "No such proof",
    "The journal's log has no such row or size. A row enters the log within seconds of being written; sizes run from 1 to "
    "the size in the newest signed snapshot.",
)


LOG_DAMAGED = define(
    "log-damaged",
    503,
    "The journal's log is damaged",
    "A row or hash that the log must have is gone: somebody wrote to the database behind Bonded's back, or it lost data. "
    "Operators: bonded fsck says where. Auditors: keep the newest snapshot that you have seen, it is the evidence.",
)
MOST_ROWS = 500
"""Rows in one answer."""
MOST_BYTES = 4 * 1024 * 1024
"""Bytes of rows in one answer, but for the last row."""


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Proof that row `journal_id` is leaf `index` of the log of `size` leaves with that `root`.

    `leaf` is the bytes that were hashed, `path` the sibling hashes from the lowest up.
    """

    journal_id: int
    index: int
    size: int
    root: bytes
    leaf: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Consistency:
    """Proof that the log of `new` leaves extends the log of `old` leaves."""

    old: int
    new: int
    old_root: bytes
    new_root: bytes
    path: tuple[bytes, ...]


def inclusion(conn: Connection, journal_id: int, size: int | None) -> Inclusion:
    """Proof for the row in the log of `size` leaves (None: the newest). Raises Refusal (no-proof, log-damaged)."""
    newest, _ = current(conn)
    size = newest if size is None else size
    index = conn.execute(select(journal_leaf.c.seq).where(journal_leaf.c.journal_id == journal_id)).scalar_one_or_none()
    if index is None or not index < size <= newest:
        raise Refusal(NO_PROOF, f"row {journal_id} is not in the journal's log (rows: {size})")
    row = conn.execute(select(journal).where(journal.c.id == journal_id)).mappings().one_or_none()
    if row is None:
        raise Refusal(LOG_DAMAGED, f"row {journal_id} is in the journal's log and gone from the journal")
    nodes = reader(conn)
    with _told():
        path = tuple(tree.inclusion(index, size, nodes))
        return Inclusion(journal_id, int(index), size, tree.root(size, nodes), leaf_bytes(dict(row)), path)


def rows(conn: Connection, first: int, end: int) -> list[bytes]:
    """The leaves `first` to `end` (exclusive, from 0) as the bytes that were hashed; fewer where an answer would be long.

    At least one comes. Raises Refusal (no-proof, log-damaged).
    """
    newest, _ = current(conn)
    if not 0 <= first < end <= newest:
        raise Refusal(NO_PROOF, f"the journal's log has no rows {first} to {end}")
    query = select(journal_leaf.c.seq, journal).outerjoin(journal, journal.c.id == journal_leaf.c.journal_id)
    span = query.where(journal_leaf.c.seq >= first, journal_leaf.c.seq < min(end, first + MOST_ROWS))
    found: list[bytes] = []
    held = 0
    for row in conn.execute(span.order_by(journal_leaf.c.seq)).mappings():
        if row["seq"] != first + len(found) or row["id"] is None:
            break
        found.append(leaf_bytes(dict(row)))
        held += len(found[-1])
        if held > MOST_BYTES:
            break
    if not found:
        raise Refusal(LOG_DAMAGED, f"leaf {first} of the journal's log is gone")
    return found


def consistency(conn: Connection, old: int, new: int | None) -> Consistency:
    """Proof between two sizes (`new` None: the newest). Raises Refusal (no-proof, log-damaged)."""
    newest, _ = current(conn)
    new = newest if new is None else new
    if not 0 < old <= new <= newest:
        raise Refusal(NO_PROOF, f"the journal's log has no proof between the sizes {old} and {new}")
    nodes = reader(conn)
    with _told():
        path = tuple(tree.consistency(old, new, nodes))
        return Consistency(old, new, tree.root(old, nodes), tree.root(new, nodes), path)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except NodeMissing as error:
        raise Refusal(LOG_DAMAGED, str(error)) from error
