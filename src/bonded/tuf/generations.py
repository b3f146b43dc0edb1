"""Two generations of bins: while a new one is written in the background, every publication updates both.

A bin of the new generation counts as written only while its row agrees with the snapshot: then every change since was put
into it. Whatever does not agree is written anew from the rows of all targets, so a lost or restored row costs time only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select

from bonded.db.engine import Tx
from bonded.tuf.plan import KnownBin
from bonded.tuf.roles import Layout
from bonded.tuf.settle import chunks
from bonded.tuf.tables import bin_table


def next_roles(layout: Layout) -> set[str]:
    """Every bin of the generation that is being written."""
    return {role for bins in (layout.next_pages, layout.next_files) if bins is not None for role in bins.names()}


def kept_versions(conn: Connection, layout: Layout, versions: Mapping[str, int]) -> dict[str, int]:
    """`versions` without those bins of the new generation whose rows say otherwise: they are to be written again."""
    rows: dict[str, int] = {
        row.name: row.version for row in conn.execute(select(bin_table.c.name, bin_table.c.version))
    }
    coming = next_roles(layout)
    return {role: v for role, v in versions.items() if role not in coming or rows.get(role) == v}


def expiring(conn: Connection, layout: Layout, before: datetime, at_once: int) -> tuple[str, ...]:
    """Bins of the new generation that expire before that: clients must not meet them so."""
    c = bin_table.c
    rows = conn.execute(select(c.name).where(c.expires < before).order_by(c.expires)).scalars()
    coming = next_roles(layout)
    return tuple(name for name in rows if name in coming)[:at_once]


def maintained(layout: Layout, bins: Mapping[str, KnownBin], versions: Mapping[str, int]) -> dict[str, KnownBin]:
    """`bins` without those of the new generation that do not agree with the snapshot. Pure."""
    live = layout.pages, layout.files
    return {
        role: known
        for role, known in bins.items()
        if any(bins_.has(role) for bins_ in live) or known.version == versions.get(role)
    }


def both(layout: Layout, paths: Iterable[str]) -> set[str]:
    """The bins of `paths` in the live generation and in the one that is being written. Pure."""
    found: set[str] = set()
    for path in paths:
        found.add(layout.role(path))
        if (other := layout.next_role(path)) is not None:
            found.add(other)
    return found


def forget(tx: Tx, layout: Layout) -> int:
    """Delete the rows of bins that are of no generation of `layout`; their names stay in every snapshot as they are.

    Their last files stay in the store too: running clients may still read them, and every snapshot lists them.
    """
    gone = [name for name in tx.execute(select(bin_table.c.name)).scalars() if not layout.has(name)]
    for batch in chunks(gone):
        tx.execute(delete(bin_table).where(bin_table.c.name.in_(batch)))
    return len(gone)
