"""What has been decided about a file: read from the journal, which is the only record of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bonded.catalog.read import File
from bonded.catalog.tables import file as file_table
from bonded.db.among import parts
from bonded.journal.standing import standing
from bonded.journal.tables import journal
from bonded.values.states import FileState, SubjectKind

ENDS = frozenset({"review.release", "review.quarantine", "review.reject", "review.remove", "review.confirm"})
"""Acts that settle a file."""
TURNS = ENDS | {"review.reopen"}


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision about a file. `decision` is the same for all rows of one act; `undoes` names the act it took back."""

    action: str
    actor_id: str
    actor_kind: str
    reason: str
    at: datetime
    journal_id: int
    decision: str = ""
    undoes: str = ""

    @property
    def settles(self) -> bool:
        return self.action in ENDS


def newest(conn: Connection, file_ids: Iterable[str]) -> dict[str, Decided]:
    """The decision of people that stands about each of the files that has one: the newest that was not taken back.

    One that was made before screening put the file into its case says nothing of what was found since: it does not count.
    """
    ids = list(file_ids)
    found = {file_id: some[-1] for file_id, rows in history(conn, ids).items() if (some := standing(rows, _acts))}
    before = _before(conn, list(found))
    return {file_id: one for file_id, one in found.items() if one.journal_id > before.get(file_id, 0)}


def _acts(one: Decided) -> tuple[str, str]:
    return one.decision, one.undoes


def _before(conn: Connection, ids: list[str]) -> dict[str, int]:
    """File -> the newest journal row about it when screening put it into its case."""
    found: dict[str, int] = {}
    for some in parts(ids):
        query = select(file_table.c.id, file_table.c.case_after).where(
            file_table.c.id.in_(some), file_table.c.case_after.is_not(None)
        )
        found |= {row.id: row.case_after for row in conn.execute(query)}
    return found


def history(conn: Connection, file_ids: Iterable[str]) -> dict[str, list[Decided]]:
    """All decisions about each of the files, oldest first, those that were taken back included."""
    ids = list(file_ids)
    found: dict[str, list[Decided]] = {}
    j = journal.c
    for some in parts(ids):
        query = select(journal).where(
            j.subject_kind == SubjectKind.FILE, j.subject_id.in_(some), j.action.in_(sorted(TURNS))
        )
        for row in conn.execute(query.order_by(j.id)):
            found.setdefault(row.subject_id, []).append(_decided(row))
    return found


def _decided(row: Any) -> Decided:
    facts = row.facts
    reason, decision, undoes = (str(facts.get(name, "")) for name in ("reason", "decision", "undo"))
    return Decided(row.action, row.actor_id, row.actor_kind, reason, row.at, row.id, decision, undoes)


def settled(file: File, decided: Decided | None) -> bool:
    """Whether nobody needs to look at the file any more."""
    return file.state is FileState.REMOVED or (decided is not None and decided.settles)
