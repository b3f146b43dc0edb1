"""All rows of one database into another, empty one: how an index moves from SQLite to PostgreSQL, or back.

Nothing is changed where the rows come from. Both have the newest schema, which is the same on both; indexes of words are made by
the database itself. What was copied is read again and compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from sqlalchemy import Column, Connection, Row, Table, func, insert, literal, select, text
from sqlalchemy.exc import DataError

from bonded.db.engine import Tx
from bonded.db.tables import whole

_SLOWLY = {"yield_per": 200}
"""Rows that are in memory at once: stored facts may take a megabyte each."""
_SPACE = 1 << 128


class NotCopied(Exception):
    """Why nothing was copied, as a sentence."""


def copy_rows(source: Connection, target: Tx, *, told: Callable[[str, int], None]) -> int:
    """Copy every table in the order of their references, and say how many rows that were; `told(table, rows)` after each.

    `source` must see one state all the while. Numbers that the source has given out are not given out again by the target.
    Raises NotCopied, and then `target` must be rolled back: when it holds anything, when it does not take a row, and when
    it gives back something else than it was given.
    """
    tables = whole().sorted_tables
    for table in tables:
        if target.execute(select(literal(1)).select_from(table).limit(1)).first() is not None:
            raise NotCopied(f"the new database is not empty: there are rows in {table.name}")
    total = 0
    for table in tables:
        count = _copied(source, target, table)
        _number_on(source, target, table)
        told(table.name, count)
        total += count
    return total


def _copied(source: Connection, target: Tx, table: Table) -> int:
    given, count = 0, 0
    found = source.execute(select(table), execution_options=_SLOWLY)
    for rows in found.partitions():
        try:
            target.execute(insert(table), [dict(row._mapping) for row in rows])
        except DataError as error:
            raise NotCopied(f"a row of {table.name} cannot be taken over: {str(error.orig).strip()}") from None
        given += _print(rows)
        count += len(rows)
    held = sum(map(_print, target.execute(select(table), execution_options=_SLOWLY).partitions()))
    if given % _SPACE != held % _SPACE:
        raise NotCopied(f"the new database gives back other rows of {table.name} than it was given")
    return count


def _print(rows: Iterable[Row[*tuple[object, ...]]]) -> int:
    """A sum over the rows that does not depend on their order, which differs with the database's idea of an alphabet."""
    plain = (repr(tuple(row)).encode("utf-8", "surrogatepass") for row in rows)
    return sum(int.from_bytes(hashlib.blake2b(one, digest_size=16).digest()) for one in plain)


def _number_on(source: Connection, target: Tx, table: Table) -> None:
    """Have the target go on counting where the source stopped, although the rows of its last numbers may be gone."""
    column = table.autoincrement_column
    if column is None:
        return
    last = max(_last_number(source, table, column), target.execute(select(func.max(column))).scalar() or 0)
    if not last:
        return
    if target.dialect.name == "postgresql":
        statement = "SELECT setval(pg_get_serial_sequence(:table, :column), :last)"
        target.execute(text(statement), {"table": table.name, "column": column.name, "last": last})
    elif table.dialect_options["sqlite"]["autoincrement"]:
        target.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table.name})
        statement = "INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"
        target.execute(text(statement), {"table": table.name, "last": last})


def _last_number(source: Connection, table: Table, column: Column[int]) -> int:
    if source.dialect.name == "postgresql":
        name = source.execute(
            text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
        ).scalar()
        used = source.execute(text(f"SELECT last_value FROM {name} WHERE is_called")).scalar() if name else None  # noqa: S608 - its own name
    else:
        there = source.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")).first()
        statement = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
        used = source.execute(statement, {"table": table.name}).scalar() if there else None
    return int(used or 0)
