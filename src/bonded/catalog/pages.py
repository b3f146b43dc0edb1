"""What the public may see of a project now: the one input of its pages, signed and plain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from packaging.version import InvalidVersion, Version
from sqlalchemy import BigInteger, Connection, Row, bindparam, select, type_coerce

from bonded.catalog.read import EVER_PUBLIC, PROJECT_COLUMNS, Project, as_project
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.catalog.tables import release as release_table
from bonded.values.states import FileState, PackageType, ProjectStatus
from bonded.values.versions import version_order

_F, _R = file_table.c, release_table.c
_TYPES = {kind.value: kind for kind in PackageType}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AT_ONCE = 500
"""Keys in one query: both databases plan an IN list of this length well."""

FILE_COLUMNS = (
    _F.project_id,
    _F.release_id,
    _F.id.label("file_id"),
    _F.filename,
    _R.version,
    _F.packagetype,
    _F.python_version,
    _F.size,
    _F.sha256,
    _F.md5,
    _F.blake2_256,
    _F.requires_python,
    _F.metadata_sha256,
    _F.metadata_size,
    _F.yanked,
    _F.yanked_reason,
    type_coerce(_F.uploaded_at, BigInteger),
    _F.vault_key,
    _F.listed,
    _F.provenance_sha256,
)
"""Of a file joined with its release; those after the first two are a PageFile's (`page_file`)."""

# Built once: building a statement costs several times what running it does.
SHOWN = select(*PROJECT_COLUMNS).where(
    project_table.c.key.in_(bindparam("keys", expanding=True)), ~project_table.c.deleted, EVER_PUBLIC
)
"""Those of the projects `keys` that have a page."""
_FILES = (
    select(*FILE_COLUMNS)
    .join(release_table, _F.release_id == _R.id)
    # The empty text keeps SQLite from choosing the index of states, which would read every public file there is.
    .where(_F.project_id.in_(bindparam("projects", expanding=True)), _F.state.concat("") == FileState.PUBLIC)
    .order_by(_F.project_id)
)
_METADATA = select(_R.id, _R.metadata).where(_R.project_id.in_(bindparam("projects", expanding=True)))


class PageFile(NamedTuple):
    """A public file as its project's page lists it. Sizes in bytes; `metadata_*` are of its `.metadata` (PEP 658).

    `listed`: it is a signed target already. `provenance_sha256` is of what a build attested (PEP 740). A tuple, because a
    large publication makes tens of thousands.
    """

    file_id: str
    filename: str
    version: str
    packagetype: PackageType
    python_version: str
    size: int
    sha256: str
    md5: str
    blake2_256: str
    requires_python: str
    metadata_sha256: str | None
    metadata_size: int | None
    yanked: bool
    yanked_reason: str
    uploaded_at: datetime
    vault_key: str
    listed: bool = False
    provenance_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class PageState:
    """A project's page: public files only, by version and name. A quarantined project lists none (PEP 792).

    `versions` in the order of PEP 440, `metadata` maps each to the core metadata of its release, for the JSON API.
    """

    key: str
    name: str
    status: ProjectStatus
    status_reason: str
    last_journal_id: int
    versions: tuple[str, ...]
    files: tuple[PageFile, ...]
    created_at: datetime
    metadata: dict[str, dict[str, Any]]

    @property
    def newest(self) -> str:
        """The version that installers would choose: the newest final one not yanked, else the newest; "" without files.

        All that say one version of a project say this one: a tool that looks for updates must not propose a pre-release.
        """
        usable = {file.version for file in self.files if not file.yanked}
        choices = [version for version in self.versions if version in usable] or list(self.versions)
        final = (version for version in reversed(choices) if _final(version))
        return next(final, choices[-1] if choices else "")


def _final(version: str) -> bool:
    try:
        return not Version(version).is_prerelease
    except InvalidVersion:
        return False


def page_state(conn: Connection, key: str, *, with_metadata: bool = True) -> PageState | None:
    """The page of one project. None when it is withdrawn, was never public, or does not exist."""
    return page_states(conn, [key], with_metadata=with_metadata).get(key)


def shown(conn: Connection, key: str) -> Project | None:
    """The project, where it has a page: without its files, of which there may be tens of thousands."""
    row = conn.execute(SHOWN, {"keys": [key]}).one_or_none()
    return as_project(row) if row else None


def page_states(conn: Connection, keys: Iterable[str], *, with_metadata: bool = True) -> dict[str, PageState]:
    """The pages of many projects in few queries; those without a page are left out.

    Without `with_metadata` the core metadata of releases, descriptions included, are not read and `metadata` is empty: the
    simple API does not show them.
    """
    wanted = sorted(set(keys))
    found: dict[str, PageState] = {}
    for start in range(0, len(wanted), AT_ONCE):
        for page in _pages(conn, wanted[start : start + AT_ONCE], with_metadata):
            found[page.key] = page
    return found


def _pages(conn: Connection, keys: list[str], with_metadata: bool) -> Iterator[PageState]:
    projects = [as_project(row) for row in conn.execute(SHOWN, {"keys": keys})]
    listed = [p.id for p in projects if p.status is not ProjectStatus.QUARANTINED]
    files = {key: list(rows) for key, rows in groupby(_files(conn, listed), lambda row: row.project_id)}
    metadata = _metadata(conn, listed) if with_metadata else {}
    for project in projects:
        yield _page(project, files.get(project.id, []), metadata)


def _files(conn: Connection, project_ids: list[str]) -> Sequence[Row[*tuple[Any, ...]]]:
    return conn.execute(_FILES, {"projects": project_ids}).all()


def _metadata(conn: Connection, project_ids: list[str]) -> dict[str, dict[str, Any]]:
    rows = conn.execute(_METADATA, {"projects": project_ids})
    return {row.id: row.metadata for row in rows}


def _page(project: Project, rows: list[Row[*tuple[Any, ...]]], metadata: dict[str, dict[str, Any]]) -> PageState:
    release_of = {row.version: row.release_id for row in rows}
    versions = sorted(release_of, key=version_order)
    place = {version: n for n, version in enumerate(versions)}
    files = sorted((page_file(row[2:]) for row in rows), key=lambda f: (place[f.version], f.filename))
    return PageState(
        key=project.key,
        name=project.name,
        status=project.status,
        status_reason=project.status_reason,
        last_journal_id=project.last_journal_id,
        versions=tuple(versions),
        files=tuple(files),
        created_at=project.created_at,
        metadata={version: metadata[release_of[version]] for version in versions if metadata},
    )


def page_file(columns: Sequence[Any]) -> PageFile:
    """A file from FILE_COLUMNS but for the first two."""
    file_id, filename, version, packagetype, *facts, at, vault_key, listed, provenance = columns
    uploaded_at = _EPOCH + timedelta(microseconds=at)
    return PageFile._make(
        (file_id, filename, version, _TYPES[packagetype], *facts, uploaded_at, vault_key, listed, provenance)
    )
