"""Reading large tables and listings in pieces: an index of any size is checked in the same memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select, tuple_

from bonded.db.engine import Database
from bonded.tuf.roles import hash32
from bonded.tuf.tables import target

AT_ONCE = 1000
Facts = tuple[str, int]
"""sha256 and length of a target."""
Rows = list[Row[*tuple[Any, ...]]]


def pieces(db: Database, query: Select[*tuple[Any, ...]], *order: ColumnElement[Any]) -> Iterator[Rows]:
    """The rows of `query` in the order of the unique columns `order`, each piece read in a transaction of its own.

    The columns must be the first ones of the query.
    """
    last: tuple[Any, ...] | None = None
    key = tuple_(*order)
    while True:
        wanted = query if last is None else query.where(key > last)
        with db.read() as conn:
            rows = list(conn.execute(wanted.order_by(*order).limit(AT_ONCE)).all())
        if rows:
            yield rows
        if len(rows) < AT_ONCE:
            return
        last = tuple(rows[-1][: len(order)])


def all_targets(db: Database) -> Iterator[list[tuple[str, str, int]]]:
    """(path, sha256, length) of every live target by the rows, in pieces."""
    c = target.c
    for rows in pieces(db, select(c.hash32, c.path, c.sha256, c.length), c.hash32, c.path):
        yield [(path, sha256, length) for _, path, sha256, length in rows]


def targets_at(conn: Connection, paths: Iterable[str]) -> dict[str, Facts]:
    """Those of `paths` that are live targets by the rows."""
    wanted = set(paths)
    c = target.c
    query = select(c.path, c.sha256, c.length).where(c.hash32.in_([hash32(path) for path in wanted]))
    return {path: (sha256, length) for path, sha256, length in conn.execute(query).all() if path in wanted}
