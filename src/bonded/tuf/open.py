"""open: one commit that says which number is about to be written, with which bytes. Nothing is in the store yet.

If we stop after it, the number is burned: its row stays as a mark, and the next publication takes the same events.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, update

from bonded.tuf.build import journal_ids
from bonded.tuf.context import Publisher
from bonded.tuf.outcome import Burned
from bonded.tuf.plan import Plan
from bonded.tuf.tables import head as head_table
from bonded.tuf.tables import publication

# Built once: building a statement costs several times what running it does.
_MOVE = update(head_table).where(head_table.c.head <= bindparam("number")).values(head=bindparam("next"))
_OPEN = insert(publication)


def open_number(p: Publisher, plan: Plan, now: datetime) -> dict[str, Any]:
    """Commit the publication's row and move the head past its number; returns the row. Raises Burned: another publisher was
    here."""
    row = publication_row(plan, now)
    with p.db.write() as tx:
        moved = tx.execute(_MOVE, {"number": plan.n, "next": plan.n + 1})
        if moved.rowcount != 1:
            raise Burned(f"number {plan.n} was allocated by another publisher")
        tx.execute(_OPEN, row)
    return row


def publication_row(plan: Plan, now: datetime) -> dict[str, Any]:
    """The row of an open publication: everything that settle needs, should another process do it."""
    return {
        "n": plan.n,
        "attempt": plan.attempt,
        "base_n": plan.base_n,
        "base_attempt": plan.base_attempt,
        "kind": plan.kind,
        "content": plan.content,
        "row_ids": [row.id for row in plan.rows],
        "journal_ids": journal_ids(plan.rows),
        "projects": list(plan.projects),
        "expose": [[e.path, e.file_id] for e in plan.exposures],
        "bins": [[b.role, b.old_version, b.sha256, b.length, int(b.expires.timestamp()), b.count] for b in plan.bins],
        "pages": list(plan.pages),
        "snapshot_sha256": plan.snapshot_sha256,
        "changes_sha256": plan.changes_sha256,
        "timestamp": plan.timestamp,
        "journal_size": plan.journal_size,
        "journal_root": bytes.fromhex(plan.journal_root),
        "state": "open",
        "opened_at": now,
    }
