"""Reading the log's subtree hashes from the database, for roots and proofs: O(log n) reads each, or all that a root needs
at once."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import Connection, select

from bonded.journal.tables import journal_leaf, journal_node
from bonded.journal.tree import Nodes, peaks

Place = tuple[int, int]
"""Level and position of a complete subtree."""

_SQLITE = """
SELECT level, position, hash FROM journal_node WHERE (level, position) IN
    (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))
UNION ALL SELECT 0, seq, leaf_hash FROM journal_leaf WHERE seq = ?"""
_POSTGRES = """
SELECT level, position, hash FROM journal_node JOIN unnest(%s::int[], %s::bigint[]) AS wanted (level, position)
    USING (level, position)
UNION ALL SELECT 0, seq, leaf_hash FROM journal_leaf WHERE seq = %s"""


class NodeMissing(Exception):
    """The log lacks a hash that it must have: it was damaged or tampered with. `bonded fsck` says where."""


def reader(conn: Connection) -> Nodes:
    """A function that reads the hash of the complete subtree (level, position). It raises NodeMissing."""

    def read(level: int, position: int) -> bytes:
        if level == 0:
            query = select(journal_leaf.c.leaf_hash).where(journal_leaf.c.seq == position)
        else:
            query = select(journal_node.c.hash).where(
                journal_node.c.level == level, journal_node.c.position == position
            )
        value = conn.execute(query).scalar_one_or_none()
        if value is None:
            raise NodeMissing(f"the journal's log has no hash at level {level}, position {position}")
        return bytes(value)

    return read


def read_peaks(conn: Connection, size: int) -> dict[Place, bytes]:
    """The hashes of the largest complete subtrees over the first `size` leaves, in one query: what the root of these leaves is
    made of, and all that a later leaf is joined with. Raises NodeMissing."""
    wanted = list(peaks(0, size))
    leaf = next((position for level, position in wanted if level == 0), -1)  # there is one where the size is odd
    inner = [place for place in wanted if place[0]]
    found = {(level, position): bytes(value) for level, position, value in _rows(conn, inner, leaf)} if wanted else {}
    for level, position in wanted:
        if (level, position) not in found:
            raise NodeMissing(f"the journal's log has no hash at level {level}, position {position}")
    return found


def _rows(conn: Connection, inner: Sequence[Place], leaf: int) -> Sequence[tuple[int, int, bytes]]:
    if conn.dialect.name == "sqlite":
        rows = conn.exec_driver_sql(_SQLITE, (orjson.dumps(inner).decode(), leaf))
    else:
        rows = conn.exec_driver_sql(_POSTGRES, ([lv for lv, _ in inner], [pos for _, pos in inner], leaf))
    return [(row[0], row[1], row[2]) for row in rows]
