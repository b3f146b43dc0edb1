"""Inserting rows once, however often a job runs: by their primary key, in one statement for many."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from bonded.db.engine import Tx


def insert_once(tx: Tx, table: Table, values: dict[str, Any]) -> bool:
    """Insert a row unless its key is there; True when this inserted it."""
    return tx.execute(_statement(tx.dialect.name, table), values).first() is not None


def insert_new(tx: Tx, table: Table, rows: Sequence[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """Insert the rows whose keys are not there yet; the keys of those that this inserted. All rows have the same columns."""
    if not rows:
        return set()
    return {tuple(row) for row in tx.execute(_statement(tx.dialect.name, table), list(rows)).all()}


def insert_missing(tx: Tx, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """`insert_new` for those who need not know which rows were new: the driver repeats one small statement."""
    if rows:
        tx.execute(_silent(tx.dialect.name, table), list(rows))


def put(tx: Tx, table: Table, values: dict[str, Any]) -> None:
    """Insert a row in place of the one that has its key, if there is one: of two who do so at once, the later one stays."""
    key = list(table.primary_key.columns)
    new = {name: value for name, value in values.items() if name not in table.primary_key.columns}
    make = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    tx.execute(make(table).values(values).on_conflict_do_update(index_elements=key, set_=new))


@cache
def _silent(dialect: str, table: Table) -> Any:
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return make(table).on_conflict_do_nothing()


@cache
def _statement(dialect: str, table: Table) -> Any:
    """Built once for each table: building a statement costs several times what running it does."""
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return make(table).on_conflict_do_nothing().returning(*table.primary_key.columns)
