"""Names that people confuse: a common form of them, and the look-up of projects that share it."""

from __future__ import annotations

import re
import zlib

from sqlalchemy import Connection, bindparam, func, select

from bonded.catalog.tables import project as project_table
from bonded.db.engine import Tx

_ALIKE = str.maketrans({"1": "l", "i": "l", "0": "o"})


_TWINS = (
    select(project_table.c.name)
    .where(project_table.c.twin == bindparam("twin"), project_table.c.key != bindparam("key"))
    .order_by(project_table.c.key)
)


def twin(name: str) -> str:
    """`name` without '.', '_', '-' and case, with 1, i and l as one letter, and 0 and o."""
    return re.sub(r"[._-]", "", name).lower().translate(_ALIKE)


def twins_of(conn: Connection, name: str, key: str) -> list[str]:
    """The names of other projects than `key` that people could take for `name`."""
    return list(conn.execute(_TWINS, {"twin": twin(name), "key": key}).scalars())


def lock_twins(tx: Tx, name: str) -> None:
    """Until the transaction ends nobody else registers a name that people could take for this one.

    On SQLite every writing transaction excludes all others already.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(0x4E414D45, zlib.crc32(twin(name).encode()) - 2**31)))
