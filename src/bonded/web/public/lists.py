"""What is new, for the front page: projects with a file that became public lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from bonded.catalog.search import words_of
from bonded.catalog.tables import file, project, release
from bonded.journal.tables import journal
from bonded.values.states import FileState, ProjectStatus

LATELY = 100
"""Journal rows that are looked at."""
PUBLISHING = ("file.publish", "review.release")


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list; `at` is when its newest file was uploaded."""

    key: str
    name: str
    version: str
    summary: str
    at: datetime


def newest(conn: Connection, limit: int) -> list[Listed]:
    """The projects whose files became public last, one line for each with its newest such release. Found by the end of the
    journal, however many files there are."""
    ids = (
        select(journal.c.subject_id).where(journal.c.action.in_(PUBLISHING)).order_by(journal.c.id.desc()).limit(LATELY)
    )
    rows = conn.execute(
        select(project.c.key, project.c.name, release.c.version, release.c.metadata, file.c.uploaded_at)
        .join_from(file, release, file.c.release_id == release.c.id)
        .join(project, project.c.id == release.c.project_id)
        .where(file.c.id.in_(conn.execute(ids).scalars().all()))
        .where(file.c.state.concat("") == FileState.PUBLIC)  # by id, not by the index of states
        .where(~project.c.deleted, project.c.status != ProjectStatus.QUARANTINED)
        .order_by(file.c.uploaded_at.desc(), project.c.key, release.c.version)
    )
    found: dict[str, Listed] = {}
    for row in rows:
        one = Listed(row.key, row.name, row.version, words_of(row.metadata)[0], row.uploaded_at)
        found.setdefault(row.key, one)
    return list(found.values())[:limit]
