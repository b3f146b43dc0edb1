"""What changed on a project's page: the releases of those files whose events are published, and nothing else.

A page is its previous bytes plus this, so a project of ten thousand files costs as much as one of ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from bonded.catalog.pages import AT_ONCE, FILE_COLUMNS, SHOWN, PageFile, page_file
from bonded.catalog.read import Project, as_project
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import release as release_table
from bonded.values.states import FileState, ProjectStatus

_F, _R = file_table.c, release_table.c

# Built once: building a statement costs several times what running it does.
_TOUCHED = (
    select(*FILE_COLUMNS, _F.state, _F.burnt)
    .join(release_table, _F.release_id == _R.id)
    .where(_F.release_id.in_(select(_F.release_id).where(_F.id.in_(bindparam("ids", expanding=True)))))
    .order_by(_F.project_id, _F.release_id)
)


@dataclass(frozen=True, slots=True)
class TouchedRelease:
    """A release of which a file changed. `files` are those that are public now, by name; `gone` those that once were and
    are not: file name -> state."""

    version: str
    files: tuple[PageFile, ...]
    gone: Mapping[str, FileState]


@dataclass(frozen=True, slots=True)
class PagePatch:
    """A project's page as the public may see it, but for the releases that did not change."""

    key: str
    name: str
    status: ProjectStatus
    status_reason: str
    releases: tuple[TouchedRelease, ...]

    @property
    def files(self) -> tuple[PageFile, ...]:
        """The public files of the touched releases."""
        return tuple(file for release in self.releases for file in release.files)


def page_patches(conn: Connection, changed: Mapping[str, Iterable[str]]) -> dict[str, PagePatch]:
    """Project key -> what changed, from project key -> ids of the files that changed.

    Those without a page, and quarantined ones, whose pages list nothing, are left out.
    """
    found: dict[str, PagePatch] = {}
    keys = sorted(changed)
    for start in range(0, len(keys), AT_ONCE):
        batch = keys[start : start + AT_ONCE]
        shown = conn.execute(SHOWN, {"keys": batch})
        releases = _releases(conn, [file_id for key in batch for file_id in changed[key]])
        for project in map(as_project, shown):
            if project.status is not ProjectStatus.QUARANTINED and project.id in releases:
                found[project.key] = _patch(project, releases[project.id])
    return found


def _patch(project: Project, releases: tuple[TouchedRelease, ...]) -> PagePatch:
    return PagePatch(project.key, project.name, project.status, project.status_reason, releases)


def _releases(conn: Connection, file_ids: list[str]) -> dict[str, tuple[TouchedRelease, ...]]:
    """Project id -> the releases of these files."""
    found: dict[str, tuple[TouchedRelease, ...]] = {}
    for start in range(0, len(file_ids), AT_ONCE):
        rows = _rows(conn, file_ids[start : start + AT_ONCE])
        for _, group in groupby(rows, lambda row: (row.project_id, row.release_id)):
            files = list(group)
            before = found.get(files[0].project_id, ())
            version = files[0].version
            if all(version != other.version for other in before):  # a batch may end within a project
                found[files[0].project_id] = (*before, _release(version, files))
    return found


def _release(version: str, rows: list[Row[*tuple[Any, ...]]]) -> TouchedRelease:
    public = sorted((page_file(row[2:-2]) for row in rows if row.state == FileState.PUBLIC), key=lambda f: f.filename)
    names = {file.filename for file in public}
    gone = {row.filename: FileState(row.state) for row in rows if row.burnt and row.filename not in names}
    return TouchedRelease(version, tuple(public), gone)


def _rows(conn: Connection, file_ids: list[str]) -> list[Row[*tuple[Any, ...]]]:
    return list(conn.execute(_TOUCHED, {"ids": file_ids}))
