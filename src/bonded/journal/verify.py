"""Checking the whole log: every row is hashed again, every inner node and every sealed root is computed again.

Found are rows that were changed, removed, added or reordered behind the log's back. Somebody who recomputed the log after
tampering is found by roots that others keep: pass those of signed snapshots as `known`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from bonded.journal.leaf import leaf_hash
from bonded.journal.record import private_hash
from bonded.journal.tables import journal, journal_leaf, journal_node, journal_private, journal_unsealed
from bonded.journal.tables import seal as seals
from bonded.journal.tree import EMPTY_ROOT, Nodes, completed, root

BATCH = 2000
BACK = timedelta(days=1)
"""So much may a row be older than the seal before its own: acts that take long, clocks that differ. More is told."""
MAX_SHOWN = 100
"""Disagreements of one kind that are reported singly."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Something in the log that cannot be as it is. `journal_id` 0 when it is about no single row."""

    kind: str
    journal_id: int
    sentence: str


def verify(conn: Connection, known: Iterable[tuple[int, bytes]] = ()) -> Iterator[Disagreement]:
    """Every disagreement in the log, none when it is whole. Reads everything once, in constant memory.

    `known` are (size, root) pairs kept elsewhere, such as those in signed snapshots.
    """
    yield from _leaves(conn, dict(known))
    yield from _seals(conn)
    yield from _strange_nodes(conn)
    yield from _backdated(conn)
    yield from _loose_rows(conn)
    yield from _private(conn)


def _leaves(conn: Connection, known: dict[int, bytes]) -> Iterator[Disagreement]:
    sealed = {int(r.size): bytes(r.root) for r in conn.execute(select(seals.c.size, seals.c.root))}
    nodes = _Recent()
    size = 0
    if known.get(0, EMPTY_ROOT) != EMPTY_ROOT:
        yield Disagreement("root", 0, "an empty log is said to have another root than the empty one")
    for rows in _pages(conn):
        stored = _stored(conn, size, size + len(rows))
        for row in rows:
            if row["seq"] != size:
                yield Disagreement("gap", 0, f"leaf {size} is missing: the log goes on with leaf {row['seq']}")
                return  # nothing after a gap can be placed
            yield from _leaf(row)
            yield from _inner(stored, nodes, size, bytes(row["leaf_hash"]) if row["id"] is None else leaf_hash(row))
            size += 1
            yield from _root(size, nodes, sealed, known)
    for missing in sorted(n for n in {**sealed, **known} if n > size):
        yield Disagreement("short", 0, f"a root over {missing} rows was sealed, the log has {size}")


def _leaf(row: dict[str, Any]) -> Iterator[Disagreement]:
    """Compare one row with its leaf."""
    if row["id"] is None:
        journal_id = row["journal_id"]
        yield Disagreement("lost", journal_id, f"row {journal_id} is in the log and gone from the journal")
    elif leaf_hash(row) != bytes(row["leaf_hash"]):
        yield Disagreement("changed", row["id"], f"row {row['id']} is not what was sealed as leaf {row['seq']}")


def _inner(stored: dict[tuple[int, int], bytes], nodes: _Recent, seq: int, value: bytes) -> Iterator[Disagreement]:
    """Compare the inner nodes that this leaf completes."""
    nodes.put(0, seq, value)
    for level, position, made in completed(seq, value, nodes):
        nodes.put(level, position, made)
        if stored.get((level, position)) != made:
            yield Disagreement("node", 0, f"the log's node at level {level}, position {position} is wrong")


def _stored(conn: Connection, first: int, end: int) -> dict[tuple[int, int], bytes]:
    """The stored inner nodes that leaves first..end complete."""
    n = journal_node.c
    found: dict[tuple[int, int], bytes] = {}
    for level in range(1, end.bit_length()):
        span = (n.level == level) & (n.position >= first >> level) & (n.position < end >> level)
        for row in conn.execute(select(n.position, n.hash).where(span)):
            found[level, row.position] = bytes(row.hash)
    return found


def _root(size: int, nodes: Nodes, sealed: dict[int, bytes], known: dict[int, bytes]) -> Iterator[Disagreement]:
    if size not in sealed and size not in known:
        return
    value = root(size, nodes)
    if sealed.get(size, value) != value:
        yield Disagreement("root", 0, f"the root sealed over {size} rows is not theirs")
    if known.get(size, value) != value:
        yield Disagreement("known-root", 0, f"the root published over {size} rows is not theirs: the log was rewritten")


def _seals(conn: Connection) -> Iterator[Disagreement]:
    """Seals follow each other without gaps."""
    size, previous = 0, None
    for row in conn.execute(select(seals).order_by(seals.c.id)):
        if (row.first, row.last, row.previous) != (size, row.size - 1, previous) or row.size <= size:
            yield Disagreement("seal", 0, f"seal {row.id} does not follow the one before it")
        size, previous = row.size, row.id
    leaves = conn.execute(select(func.count()).select_from(journal_leaf)).scalar_one()
    if leaves != size:
        yield Disagreement("seal", 0, f"the seals cover {size} rows, the log has {leaves}")


def _strange_nodes(conn: Connection) -> Iterator[Disagreement]:
    """Inner nodes beyond those that the leaves complete: somebody prepared something, or leaves are gone."""
    leaves = conn.execute(select(func.count()).select_from(journal_leaf)).scalar_one()
    nodes = conn.execute(select(func.count()).select_from(journal_node)).scalar_one()
    complete = sum(leaves >> level for level in range(1, leaves.bit_length()))
    if nodes > complete:
        yield Disagreement("node", 0, f"the log has {nodes} inner nodes, {leaves} leaves complete {complete}")


def _backdated(conn: Connection) -> Iterator[Disagreement]:
    """Rows that say they are older than the seal before the one that covers them: rows are sealed within seconds."""
    before: datetime | None = None
    shown = 0
    for row in conn.execute(select(seals.c.first, seals.c.last, seals.c.at).order_by(seals.c.id)).all():
        if before is not None and shown < MAX_SHOWN:
            query = select(journal.c.id).join(journal_leaf, journal_leaf.c.journal_id == journal.c.id)
            span = query.where(journal_leaf.c.seq.between(row.first, row.last), journal.c.at < before - BACK)
            for journal_id in conn.execute(span.order_by(journal_leaf.c.seq).limit(MAX_SHOWN - shown)).scalars():
                shown += 1
                yield Disagreement(
                    "backdated", journal_id, f"row {journal_id} says that it is older than rows before it"
                )
        before = row.at


def _loose_rows(conn: Connection) -> Iterator[Disagreement]:
    """Rows that are neither in the log nor wait for the sealer were put in behind the journal's back."""
    query = (
        select(journal.c.id, journal_leaf.c.seq, journal_unsealed.c.id.label("waits"))
        .outerjoin(journal_leaf, journal_leaf.c.journal_id == journal.c.id)
        .outerjoin(journal_unsealed, journal_unsealed.c.id == journal.c.id)
        .where(journal_leaf.c.seq.is_(None) == journal_unsealed.c.id.is_(None))
        .order_by(journal.c.id)
        .limit(MAX_SHOWN)
    )
    for row in conn.execute(query):
        where = "neither in the log nor waiting for it" if row.seq is None else "in the log and waiting for it"
        yield Disagreement("loose", row.id, f"row {row.id} is {where}")


def _private(conn: Connection) -> Iterator[Disagreement]:
    """Private data that is still kept is what its row is bound to."""
    query = select(journal_private, journal.c.private_hash).outerjoin(
        journal, journal.c.id == journal_private.c.journal_id
    )
    for row in conn.execute(query.order_by(journal_private.c.journal_id)).yield_per(BATCH):
        if row.private_hash != private_hash(bytes(row.salt), row.data):
            yield Disagreement("private", row.journal_id, f"the private data of row {row.journal_id} were changed")


def _pages(conn: Connection) -> Iterator[list[dict[str, Any]]]:
    """Leaves with their rows, by number, a page at a time."""
    query = select(journal_leaf, journal).outerjoin(journal, journal.c.id == journal_leaf.c.journal_id)
    last = -1
    while True:
        page = conn.execute(query.where(journal_leaf.c.seq > last).order_by(journal_leaf.c.seq).limit(BATCH))
        rows = [dict(row) for row in page.mappings()]
        if not rows:
            return
        yield rows
        last = rows[-1]["seq"]


class _Recent:
    """The nodes still needed to go on: at each level the newest, and the one before it."""

    def __init__(self) -> None:
        self._kept: dict[int, dict[int, bytes]] = {}

    def put(self, level: int, position: int, value: bytes) -> None:
        kept = self._kept.setdefault(level, {})
        kept[position] = value
        kept.pop(position - 2, None)

    def __call__(self, level: int, position: int) -> bytes:
        return self._kept[level][position]
