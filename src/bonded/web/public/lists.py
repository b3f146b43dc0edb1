"""Short lists of projects for the home page and the search: only what the simple index lists as well."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from bonded.catalog.read import EVER_PUBLIC
from bonded.catalog.tables import file, project, release
from bonded.values.names import normalize
from bonded.values.states import FileState, ProjectStatus

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a list; `at` is when the file was uploaded that put it there (None in searches)."""

    key: str
    name: str
    version: str
    summary: str
    at: datetime | None


def newest(conn: Connection, limit: int) -> list[Listed]:
    """The newest releases with a public file, one line for each release."""
    first = func.max(file.c.uploaded_at).label("at")
    rows = conn.execute(
        select(project.c.key, project.c.name, release.c.version, release.c.metadata, first)
        .join(release, release.c.project_id == project.c.id)
        .join(file, file.c.release_id == release.c.id)
        .where(file.c.state == FileState.PUBLIC, ~project.c.deleted, project.c.status != ProjectStatus.QUARANTINED)
        .group_by(project.c.key, project.c.name, release.c.id, release.c.version, release.c.metadata)
        .order_by(first.desc())
        .limit(limit)
    )
    return [Listed(row.key, row.name, row.version, summary_of(row.metadata), row.at) for row in rows]


def matching(conn: Connection, text: str) -> list[Listed]:
    """Projects whose normalized name holds `text`, the exact one first, then those that begin with it."""
    key = normalize(text.strip())[:100]
    if not key:
        return []
    escaped = key.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = conn.execute(
        select(project.c.key, project.c.name)
        .where(~project.c.deleted, EVER_PUBLIC, project.c.key.like(f"%{escaped}%", escape="\\"))
        .order_by((project.c.key == key).desc(), project.c.key.like(f"{escaped}%", escape="\\").desc(), project.c.key)
        .limit(SHOWN)
    )
    return [Listed(row.key, row.name, "", "", None) for row in rows]


def summary_of(metadata: dict[str, object]) -> str:
    """The one-line description in core metadata, at most 200 characters; "" when there is none."""
    value = metadata.get("summary")
    return value[:200] if isinstance(value, str) else ""
