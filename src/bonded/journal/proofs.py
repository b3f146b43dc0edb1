"""Proofs that an outsider can check: a row is in the log, and a later log extends an earlier one (RFC 6962)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from bonded.journal import tree
from bonded.journal.leaf import leaf_bytes
from bonded.journal.nodes import reader
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
    """Proof for the row in the log of `size` leaves (None: the newest). Raises Refusal (no-proof)."""
    newest, _ = current(conn)
    size = newest if size is None else size
    index = conn.execute(select(journal_leaf.c.seq).where(journal_leaf.c.journal_id == journal_id)).scalar_one_or_none()
    if index is None or not index < size <= newest:
        raise Refusal(NO_PROOF, f"row {journal_id} is not in the journal's log of {size} rows")
    row = conn.execute(select(journal).where(journal.c.id == journal_id)).mappings().one()
    nodes = reader(conn)
    return Inclusion(
        journal_id,
        int(index),
        size,
        tree.root(size, nodes),
        leaf_bytes(dict(row)),
        tuple(tree.inclusion(index, size, nodes)),
    )


def consistency(conn: Connection, old: int, new: int | None) -> Consistency:
    """Proof between two sizes (`new` None: the newest). Raises Refusal (no-proof)."""
    newest, _ = current(conn)
    new = newest if new is None else new
    if not 0 < old <= new <= newest:
        raise Refusal(NO_PROOF, f"the journal's log has no proof between the sizes {old} and {new}")
    nodes = reader(conn)
    return Consistency(old, new, tree.root(old, nodes), tree.root(new, nodes), tuple(tree.consistency(old, new, nodes)))
