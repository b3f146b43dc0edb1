"""What has been decided about a file: read from the journal, which is the only record of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from bonded.catalog.read import File
from bonded.journal.tables import journal
from bonded.values.states import FileState, SubjectKind

ENDS = frozenset({"review.release", "review.quarantine", "review.reject", "review.remove", "review.confirm"})
"""Acts that settle a file."""
TURNS = ENDS | {"review.reopen"}


@dataclass(frozen=True, slots=True)
class Decided:
    """The newest decision about a file."""

    action: str
    actor_id: str
    actor_kind: str
    reason: str
    at: datetime
    journal_id: int

    @property
    def settles(self) -> bool:
        return self.action in ENDS


def newest(conn: Connection, file_ids: Iterable[str]) -> dict[str, Decided]:
    """The newest decision of people about each of the files that has one."""
    ids = list(file_ids)
    if not ids:
        return {}
    last = (
        select(func.max(journal.c.id))
        .where(
            journal.c.subject_kind == SubjectKind.FILE,
            journal.c.subject_id.in_(ids),
            journal.c.action.in_(sorted(TURNS)),
        )
        .group_by(journal.c.subject_id)
    )
    rows = conn.execute(select(journal).where(journal.c.id.in_(last)))
    return {
        row.subject_id: Decided(
            row.action, row.actor_id, row.actor_kind, str(row.facts.get("reason", "")), row.at, row.id
        )
        for row in rows
    }


def settled(file: File, decided: Decided | None) -> bool:
    """Whether nobody needs to look at the file any more."""
    return file.state is FileState.REMOVED or (decided is not None and decided.settles)
