"""Insert-or-update of many rows, the same on both databases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from bonded.db.engine import Tx

_Writers = dict[str, Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class Upsert:
    """An insert-or-update as the driver takes it: the statement's text, and the values of each row."""

    text: str
    rows: Sequence[Any]

    def run(self, tx: Tx) -> None:
        """Do it; nothing without rows."""
        if self.rows:
            tx.exec_driver_sql(self.text, list(self.rows))


def upserting(dialect: Dialect, table: Table, rows: Sequence[dict[str, Any]], *, keep: bool = False) -> Upsert:
    """Insert `rows`, all with the same columns; where the primary key exists, update the others, or `keep` them.

    The driver gets the statement's text and plain values: a large publication settles ten thousand rows, and taking each
    through SQLAlchemy's parameters costs more than what the database does with it.
    """
    if not rows:
        return Upsert("", ())
    text, order, writers, others = _prepared(table, tuple(rows[0]), dialect, keep)
    if writers or others:
        rows = [row | {name: write(row[name]) for name, write in writers.items()} | others for row in rows]
    return Upsert(text, [tuple([row[name] for name in order]) for row in rows] if order else rows)


def upsert(tx: Tx, table: Table, rows: Sequence[dict[str, Any]], *, keep: bool = False) -> None:
    """The same, done at once."""
    upserting(tx.dialect, table, rows, keep=keep).run(tx)


@lru_cache(maxsize=64)
def _prepared(
    table: Table, columns: tuple[str, ...], dialect: Dialect, keep: bool
) -> tuple[str, list[str] | None, _Writers, dict[str, Any]]:
    """The statement's text; the order of its parameters, None where they have names; for columns whose values are others in
    the database than in Python what makes them; and what new rows have in columns that are not given. Made once: that costs
    several times what running it does."""
    statement = _statement(table, columns, dialect.name, keep)
    compiled = statement.compile(dialect=dialect, column_keys=list(columns))
    processors: dict[str, Any] = {
        name: table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns
    }
    writers: _Writers = {name: write for name, write in processors.items() if write is not None}
    others = {name: _default(table, name) for name in compiled.params if name not in columns}
    return str(compiled), compiled.positiontup, writers, others


def _default(table: Table, name: str) -> Any:
    default: Any = table.c[name].default
    return default.arg


def _statement(table: Table, columns: tuple[str, ...], dialect: str, keep: bool) -> Any:
    statement: Any = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    keys = [column.name for column in table.primary_key.columns]
    others = {name: statement.excluded[name] for name in columns if name not in keys}
    if keep or not others:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=others)
