"""The sealer: gives journal rows their order and appends them to the Merkle log.

Writers of the journal are never serialised by it: they insert a row and a mark in `journal_unsealed`; the sealer numbers
what is committed, without gaps, and deletes exactly the marks it numbered. A row that commits later gets a later number,
whatever its id. A crash loses nothing: the transaction is all or nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text

from bonded.db.engine import Tx
from bonded.journal.leaf import leaf_hash
from bonded.journal.nodes import Place, read_peaks
from bonded.journal.tables import journal, journal_leaf, journal_node, journal_unsealed
from bonded.journal.tables import seal as seals
from bonded.journal.tree import EMPTY_ROOT, completed, root

BATCH = 2000
"""Rows per statement."""

_LOCK = 0x626F6E6465640001
"""Advisory lock of the sealer on PostgreSQL (SQLite's write lock serves there)."""

# Built once, as in `record`.
_NEWEST = select(func.max(seals.c.id))
_CURRENT = select(seals.c.size, seals.c.root).order_by(seals.c.id.desc()).limit(1)
_SEAL, _LEAVES, _NODES = insert(seals), insert(journal_leaf), insert(journal_node)
_UNSEALED = (
    select(journal)
    .join(journal_unsealed, journal_unsealed.c.id == journal.c.id)
    .order_by(journal_unsealed.c.id)
    .limit(BATCH)
)
_UNMARK = delete(journal_unsealed).where(journal_unsealed.c.id.in_(bindparam("ids", expanding=True)))


def seal(tx: Tx, *, now: datetime) -> tuple[int, bytes]:
    """Seal every committed, unsealed row. Returns the log's size and root afterwards; (0, EMPTY_ROOT) at first."""
    if tx.dialect.name == "postgresql":
        # The statements after this one see everything that an earlier sealer committed (READ COMMITTED).
        tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    size, value = first, _ = current(tx)
    known: dict[Place, bytes] = {}
    while batch := _unsealed(tx):
        known = known or read_peaks(tx, first)
        size = _append(tx, batch, size, known)
        if len(batch) < BATCH:
            break
    if size == first:
        return size, value
    value = root(size, lambda level, position: known[level, position])
    previous = tx.execute(_NEWEST).scalar_one()
    row = {"first": first, "last": size - 1, "size": size, "root": value, "previous": previous, "at": now}
    tx.execute(_SEAL, row)
    return size, value


def current(conn: Connection) -> tuple[int, bytes]:
    """Size and root of the newest seal; (0, EMPTY_ROOT) before the first."""
    row = conn.execute(_CURRENT).one_or_none()
    return (int(row.size), bytes(row.root)) if row else (0, EMPTY_ROOT)


def unsealed(conn: Connection) -> int:
    """How many rows wait for the sealer."""
    return int(conn.execute(select(func.count()).select_from(journal_unsealed)).scalar_one())


def _unsealed(tx: Tx) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.execute(_UNSEALED).mappings()]


def _append(tx: Tx, rows: list[dict[str, Any]], size: int, known: dict[Place, bytes]) -> int:
    """Write leaves and the inner nodes that they complete; returns the new size. `known` holds what they are joined with,
    and grows by them."""
    fresh: dict[Place, bytes] = {}

    def look(level: int, position: int) -> bytes:
        return known[level, position]

    for seq, row in enumerate(rows, start=size):
        value = known[0, seq] = fresh[0, seq] = leaf_hash(row)
        for level, position, inner in completed(seq, value, look):
            known[level, position] = fresh[level, position] = inner
    leaves = [
        {"seq": seq, "journal_id": row["id"], "leaf_hash": fresh[0, seq]} for seq, row in enumerate(rows, start=size)
    ]
    inner_nodes = [{"level": lv, "position": pos, "hash": h} for (lv, pos), h in fresh.items() if lv]
    tx.execute(_LEAVES, leaves)
    if inner_nodes:
        tx.execute(_NODES, inner_nodes)
    _unmark(tx, [row["id"] for row in rows])
    return size + len(rows)


def _unmark(tx: Tx, ids: list[int]) -> None:
    for start in range(0, len(ids), 500):
        tx.execute(_UNMARK, {"ids": ids[start : start + 500]})
