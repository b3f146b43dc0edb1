"""Insert-or-update of many rows, the same on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from bonded.db.engine import Tx


def upsert(tx: Tx, table: Table, rows: Sequence[dict[str, Any]], *, keep: bool = False) -> None:
    """Insert `rows`, all with the same columns; where the primary key exists, update the others, or `keep` them."""
    if rows:
        tx.execute(_statement(table, tuple(rows[0]), tx.dialect.name, keep), list(rows))


@lru_cache(maxsize=64)
def _statement(table: Table, columns: tuple[str, ...], dialect: str, keep: bool) -> Any:
    """Made once: making a statement costs several times what running it for one row does."""
    statement: Any = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    keys = [column.name for column in table.primary_key.columns]
    others = {name: statement.excluded[name] for name in columns if name not in keys}
    if keep or not others:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=others)
