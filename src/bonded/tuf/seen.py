"""What everybody may know of publications: which one brought a file, what each changed, and the history of a project.

Told from journal rows that a publication carried, and from those only: what was never public leaves no trace here. Who did it
is not told, nor why a file was withdrawn; reasons of yanks and of a project's status are, as installers show them too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from bonded.journal.tables import journal, journal_leaf
from bonded.tuf.tables import journal_publication, publication
from bonded.values.actions import ACTIONS
from bonded.values.states import FileState, ProjectStatus, SubjectKind

CHANGING = tuple(sorted(name for name, action in ACTIONS.items() if action.changes_index and name != "project.create"))
"""Actions that clients may see something of; a new project is seen by its first file."""
MOST_CHANGES = 600
"""Changes that are read for one page of publications."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The publication since which a file is public. `seq` is the number of its journal row in the sealed log, None before
    it is there."""

    n: int
    at: datetime
    journal_id: int
    seq: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """One change that clients could see. `kind`: added, back, withdrawn, yanked, unyanked, deleted, or a project's status."""

    kind: str
    project: str
    version: str
    filename: str
    reason: str
    n: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Publication:
    """One live publication; `count` is how many changes it carried (at least), of which `changes` are some."""

    n: int
    at: datetime
    count: int
    changes: tuple[Change, ...]


def sealed(conn: Connection, file_ids: Iterable[str]) -> dict[str, Sealed]:
    """File id -> the newest publication that made it public; files that wait for their publication are left out."""
    j = journal.c
    query = (
        _carried(j.id, j.subject_id, j.facts, journal_leaf.c.seq)
        .outerjoin(journal_leaf, journal_leaf.c.journal_id == j.id)
        .where(j.subject_id.in_(sorted(set(file_ids))), j.subject_kind == SubjectKind.FILE)
        .order_by(j.id)
    )
    rows = conn.execute(query).all()
    return {
        row.subject_id: Sealed(row.n, row.flipped_at, row.id, row.seq)
        for row in rows
        if row.facts.get("to") == FileState.PUBLIC
    }


def history(conn: Connection, project: str, *, before: int | None = None, limit: int = 50) -> list[Change]:
    """What clients saw of a project (a normalized name), newest first, of publications older than `before`."""
    query = _carried(journal).where(journal.c.project_key == project, journal.c.action.in_(CHANGING))
    if before is not None:
        query = query.where(journal_publication.c.n < before)
    rows = conn.execute(query.order_by(journal_publication.c.n.desc(), journal.c.id.desc()).limit(limit)).all()
    return _told(rows)


def publications(conn: Connection, *, before: int | None = None, limit: int = 20) -> list[Publication]:
    """Live publications that changed something, newest first."""
    p, carried = publication.c, func.count(journal.c.id).label("carried")
    query = (
        select(p.n, p.flipped_at, carried)
        .join(journal_publication, journal_publication.c.n == p.n)
        .join(journal, journal.c.id == journal_publication.c.journal_id)
        .where(p.state == "live", p.flipped_at.is_not(None), journal.c.action.in_(CHANGING))
        .group_by(p.n, p.flipped_at)
        .order_by(p.n.desc())
        .limit(limit)
    )
    rows = conn.execute(query.where(p.n < before) if before is not None else query).all()
    changes = _changes(conn, [row.n for row in rows])
    return [Publication(row.n, row.flipped_at, row.carried, tuple(changes.get(row.n, ()))) for row in rows]


def _changes(conn: Connection, numbers: Sequence[int]) -> dict[int, list[Change]]:
    mine = publication.c.n.in_(numbers), journal.c.action.in_(CHANGING)
    query = _carried(journal).where(*mine).order_by(publication.c.n.desc(), journal.c.id)
    found: dict[int, list[Change]] = {}
    for change in _told(conn.execute(query.limit(MOST_CHANGES)).all()):
        found.setdefault(change.n, []).append(change)
    return found


def _carried(*columns: Any) -> Select[Any]:
    """Journal rows with the publication that carried each."""
    return (
        select(*columns, journal_publication.c.n, publication.c.flipped_at)
        .select_from(journal)
        .join(journal_publication, journal_publication.c.journal_id == journal.c.id)
        .join(publication, publication.c.n == journal_publication.c.n)
        .where(publication.c.flipped_at.is_not(None))
    )


def _told(rows: Sequence[Row[Any]]) -> list[Change]:
    return [change for row in rows if (change := _change(row)) is not None]


def _change(row: Row[Any]) -> Change | None:
    """A journal row as the public may know it; None for what was not to be seen."""
    facts = row.facts
    kind = _of_project(row.action, facts) if row.subject_kind == SubjectKind.PROJECT else _of_file(row.action, facts)
    if kind is None or not row.project_key:
        return None
    open_reason = kind in ("yanked", *ProjectStatus)
    text = {name: str(facts.get(name, "")) for name in ("version", "filename", "reason")}
    reason = text["reason"] if open_reason else ""
    return Change(kind, row.project_key, text["version"], text["filename"], reason, row.n, row.flipped_at)


def _of_project(action: str, facts: dict[str, Any]) -> str | None:
    new = facts.get("to")
    return "deleted" if action == "project.delete" else (str(new) if new in tuple(ProjectStatus) else None)


def _of_file(action: str, facts: dict[str, Any]) -> str | None:
    old, new = facts.get("from"), facts.get("to")
    if action in ("file.yank", "file.unyank"):
        return action.removeprefix("file.") + "ed"
    if new == FileState.PUBLIC:
        return "back" if old == FileState.QUARANTINED else "added"
    return "withdrawn" if old == FileState.PUBLIC else None
