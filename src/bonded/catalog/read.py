"""Reading the catalogue: projects, releases, files and roles as frozen values. Any connection will do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from packaging.utils import canonicalize_version
from sqlalchemy import Connection, Row, and_, bindparam, exists, func, select

from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.catalog.tables import release as release_table
from bonded.catalog.tables import role as role_table
from bonded.db.window import Window, within
from bonded.values.states import FileState, PackageType, ProjectStatus, Role


@dataclass(frozen=True, slots=True)
class Project:
    """A project. `key` is its normalized name, `name` as first uploaded; `deleted`: its page is withdrawn."""

    id: str
    key: str
    name: str
    status: ProjectStatus
    status_reason: str
    deleted: bool
    last_journal_id: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a project. `metadata` are core metadata of a file of it, by field name (catalog.words)."""

    id: str
    project_id: str
    version: str
    metadata: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class File:
    """One distribution file with everything known of it. `size` and `metadata_size` are in bytes."""

    id: str
    project_id: str
    project_key: str
    release_id: str
    version: str
    filename: str
    packagetype: PackageType
    python_version: str
    requires_python: str
    size: int
    md5: str
    sha256: str
    blake2_256: str
    vault_key: str
    metadata_sha256: str | None
    metadata_size: int | None
    state: FileState
    state_reason: str
    state_at: datetime
    holds_name: bool
    burnt: bool
    yanked: bool
    yanked_reason: str
    uploaded_at: datetime
    uploader_id: str
    token_id: str
    case_id: int | None
    provenance_sha256: str | None = None


_P = project_table.c
_F = file_table.c
_R = release_table.c
_M = role_table.c

PROJECT_COLUMNS = (_P.id, _P.key, _P.name, _P.status, _P.status_reason, _P.deleted, _P.last_journal_id, _P.created_at)

FILE_COLUMNS = (
    _F.id,
    _F.project_id,
    _P.key.label("project_key"),
    _F.release_id,
    _R.version,
    _F.filename,
    _F.packagetype,
    _F.python_version,
    _F.requires_python,
    _F.size,
    _F.md5,
    _F.sha256,
    _F.blake2_256,
    _F.vault_key,
    _F.metadata_sha256,
    _F.metadata_size,
    _F.state,
    _F.state_reason,
    _F.state_at,
    _F.holds_name,
    _F.burnt,
    _F.yanked,
    _F.yanked_reason,
    _F.uploaded_at,
    _F.uploader_id,
    _F.token_id,
    _F.case_id,
    _F.provenance_sha256,
)

FILES = file_table.join(project_table, _F.project_id == _P.id).join(release_table, _F.release_id == _R.id)


def as_project(row: Row[*tuple[Any, ...]]) -> Project:
    """A row of PROJECT_COLUMNS as a value."""
    values = dict(row._mapping)
    return Project(**(values | {"status": ProjectStatus(values["status"])}))


def as_file(row: Row[*tuple[Any, ...]]) -> File:
    """A row of FILE_COLUMNS as a value."""
    values = dict(row._mapping)
    return File(
        **(values | {"packagetype": PackageType(values["packagetype"]), "state": FileState(values["state"])}),
    )


# Statements are built once: building one costs several times what running it does.
_ANY_PROJECT = select(*PROJECT_COLUMNS)
_PROJECT = _ANY_PROJECT.where(_P.key == bindparam("key"))
_PROJECT_BY_ID = _ANY_PROJECT.where(_P.id == bindparam("project"))
_ANY_RELEASE = select(_R.id, _R.project_id, _R.version, _R.metadata, _R.created_at).where(
    _R.project_id == bindparam("project")
)
_RELEASE = _ANY_RELEASE.where(_R.canonical == bindparam("canonical"))
_RELEASES = _ANY_RELEASE.order_by(_R.created_at, _R.version)
_RELEASE_HEAD = select(_R.id, _R.created_at).where(
    _R.project_id == bindparam("project"), _R.canonical == bindparam("canonical")
)
ANY_FILE = select(*FILE_COLUMNS).select_from(FILES)
_FILE = ANY_FILE.where(_F.id == bindparam("file"))
_FILES = ANY_FILE.where(_F.project_id == bindparam("project")).order_by(_F.uploaded_at, _F.filename, _F.id)
_FILE_BY_NAME = (
    ANY_FILE.where(_F.filename == bindparam("filename")).order_by(_F.holds_name.desc(), _F.uploaded_at.desc()).limit(1)
)
_SERVED = (
    select(_F.id)
    .select_from(file_table.join(project_table, _F.project_id == _P.id))
    .where(
        _F.id == bindparam("file"),
        _F.state == FileState.PUBLIC,
        _P.status != ProjectStatus.QUARANTINED,
        ~_P.deleted,
    )
)
_ROLES = (
    select(_M.user_id, _M.role)
    .where(_M.project_id == bindparam("project"))
    .order_by(_M.role.desc(), _M.created_at, _M.user_id)
)
_ROLE_IN = (
    select(_M.role)
    .join(project_table, _M.project_id == _P.id)
    .where(_M.user_id == bindparam("user"), _P.key == bindparam("key"))
)
_PROJECTS_OF = (
    select(*PROJECT_COLUMNS, _M.role)
    .join(role_table, _M.project_id == _P.id)
    .where(_M.user_id == bindparam("user"))
    .order_by(_P.key)
)


def project(conn: Connection, key: str) -> Project | None:
    """The project with the normalized name `key`, deleted ones included."""
    row = conn.execute(_PROJECT, {"key": key}).one_or_none()
    return as_project(row) if row else None


def project_by_id(conn: Connection, project_id: str) -> Project | None:
    """The project with that id, deleted ones included."""
    row = conn.execute(_PROJECT_BY_ID, {"project": project_id}).one_or_none()
    return as_project(row) if row else None


def projects(conn: Connection) -> list[Project]:
    """Every project by name, deleted ones and those never public included."""
    return [as_project(row) for row in conn.execute(_ANY_PROJECT.order_by(_P.key))]


def release(conn: Connection, project_id: str, version: str) -> Release | None:
    """The release of a project by its version, however that is written (1.0 is 1.0.0)."""
    canonical = canonicalize_version(version)
    row = conn.execute(_RELEASE, {"project": project_id, "canonical": canonical}).one_or_none()
    return Release(*row) if row else None


def release_head(conn: Connection, project_id: str, version: str) -> tuple[str, datetime] | None:
    """(id, time of the first file) of a release, without reading its metadata."""
    canonical = canonicalize_version(version)
    row = conn.execute(_RELEASE_HEAD, {"project": project_id, "canonical": canonical}).one_or_none()
    return (row.id, row.created_at) if row else None


def releases(conn: Connection, project_id: str) -> list[Release]:
    """All releases of a project, oldest first, those without public files included."""
    return [Release(*row) for row in conn.execute(_RELEASES, {"project": project_id})]


def files(conn: Connection, project_id: str, some: Window | None = None) -> list[File]:
    """All files of a project in every state, oldest first; or some of them."""
    return [as_file(row) for row in conn.execute(within(_FILES, some), {"project": project_id})]


def count_files(conn: Connection, project_id: str) -> int:
    """How many files a project has in every state."""
    mine = select(func.count()).select_from(file_table).where(_F.project_id == project_id)
    return int(conn.execute(mine).scalar_one())


def file(conn: Connection, file_id: str) -> File | None:
    """The file with that id, in whatever state."""
    row = conn.execute(_FILE, {"file": file_id}).one_or_none()
    return as_file(row) if row else None


def file_by_name(conn: Connection, filename: str) -> File | None:
    """The file that holds the name, else the newest that ever had it (rejected or removed), else None."""
    row = conn.execute(_FILE_BY_NAME, {"filename": filename}).one_or_none()
    return as_file(row) if row else None


def served(conn: Connection, file_id: str) -> bool:
    """Whether the bytes of the file may be served now: it is public, in a project neither quarantined nor deleted."""
    return conn.execute(_SERVED, {"file": file_id}).one_or_none() is not None


def roles(conn: Connection, project_id: str, some: Window | None = None) -> list[tuple[str, Role]]:
    """(user id, role) of everyone with a role in the project, owners first; or some of them."""
    rows = conn.execute(within(_ROLES, some), {"project": project_id})
    return [(row.user_id, Role(row.role)) for row in rows]


def count_roles(conn: Connection, project_id: str) -> int:
    """How many people have a role in the project."""
    mine = select(func.count()).select_from(role_table).where(_M.project_id == project_id)
    return int(conn.execute(mine).scalar_one())


def role_in(conn: Connection, user_id: str, project_key: str) -> Role | None:
    """The role of a person in a project, None without one or without such a project."""
    found = conn.execute(_ROLE_IN, {"user": user_id, "key": project_key}).scalar_one_or_none()
    return Role(found) if found else None


def projects_of(conn: Connection, user_id: str, some: Window | None = None) -> list[tuple[Project, Role]]:
    """The projects in which a person has a role, with the role, by name; deleted ones included; or some of them."""
    return [with_role(row) for row in conn.execute(within(_PROJECTS_OF, some), {"user": user_id})]


def count_projects_of(conn: Connection, user_id: str) -> int:
    """In how many projects a person has a role, deleted ones included."""
    mine = select(func.count()).select_from(role_table).where(_M.user_id == user_id)
    return int(conn.execute(mine).scalar_one())


def with_role(row: Row[*tuple[Any, ...]]) -> tuple[Project, Role]:
    """A row of PROJECT_COLUMNS and a role."""
    values = dict(row._mapping)
    role = Role(values.pop("role"))
    return Project(**(values | {"status": ProjectStatus(values["status"])})), role


EVER_PUBLIC = exists().where(and_(_F.project_id == _P.id, _F.burnt)).correlate(project_table)
"""The project has, or had, a public file: only then its name is told to the public."""


def project_keys(conn: Connection) -> list[tuple[str, str]]:
    """(key, name) of every project that the simple index lists, by key: not deleted, with a file that was ever public."""
    rows = conn.execute(select(_P.key, _P.name).where(~_P.deleted, EVER_PUBLIC).order_by(_P.key))
    return [(row.key, row.name) for row in rows]


def count_projects(conn: Connection, most: int | None = None) -> int:
    """How many projects the simple index lists; with `most` it stops counting there."""
    listed = select(_P.id).where(~_P.deleted, EVER_PUBLIC).limit(most).subquery()
    return conn.execute(select(func.count()).select_from(listed)).scalar_one()
