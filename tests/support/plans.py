"""How SQLite means to find rows: which statements of a piece of work read a table from one end to the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from bonded.db.tables import whole

FEW = frozenset(
    {
        "advisory", "approval", "backfill", "check_schedule", "check_state", "factor_policy", "journal_unsealed", "mail_unwanted",
        "publication_head", "suppression", "to_publish", "tuf_sequence", "vulnerability_feed", "webhook",
    }
)  # fmt: skip
"""Tables that stay small: what waits, and what administrators set. Any other has a row for each file, project, person or act,
and a statement that reads it whole is slower every day."""
_SCAN = re.compile(r"SCAN (\w+)(?! VIRTUAL)|SEARCH (?:\w+) USING (?:COVERING )?INDEX ix_(file)_state ")
"""Nearly all files are in one state: who finds them by it reads them all."""


@contextmanager
def whole_tables(*allowed: str) -> Iterator[list[str]]:
    """Collects "table: statement" for each statement within that reads a growing table from its beginning.

    A scan in the order that is wanted, with a limit, ends early: such a statement is `allowed` by a part of its text.
    """
    growing = {table.name for table in whole().tables.values()} - FEW
    found: list[str] = []
    seen: set[str] = set()

    def look(_conn: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement in seen or statement.split(None, 1)[0] not in ("SELECT", "UPDATE", "DELETE", "WITH"):
            return
        seen.add(statement)
        asked = cursor.connection.cursor()
        asked.execute("EXPLAIN QUERY PLAN " + statement, parameters[0] if many else parameters)
        names = {name for row in asked.fetchall() for found in _SCAN.findall(row[3]) for name in found} & growing
        text = " ".join(statement.split())
        if not any(part in text for part in allowed):
            found.extend(f"{name}: {text}" for name in sorted(names))

    event.listen(Engine, "before_cursor_execute", look)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", look)
