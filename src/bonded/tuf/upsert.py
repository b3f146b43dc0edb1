"""Insert-or-update of many rows, the same on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from bonded.db.engine import Tx


def upsert(tx: Tx, table: Table, rows: Sequence[dict[str, Any]], *, keep: bool = False) -> None:
    """Insert `rows`, all with the same columns; where the primary key exists, update the others, or `keep` them."""
    if not rows:
        return
    statement: Any = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(table)
    keys = [column.name for column in table.primary_key.columns]
    others = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    if keep or not others:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    else:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
    tx.execute(statement, list(rows))
