"""Reading the log's subtree hashes from the database, for roots and proofs: O(log n) reads each."""

from __future__ import annotations

from sqlalchemy import Connection, select

from bonded.journal.tables import journal_leaf, journal_node
from bonded.journal.tree import Nodes


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
