"""The database's part of an upload: may this person put this file there, and if so, the rows of it. Few queries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, bindparam, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from bonded.accounts.bearing import as_of_now, made_project
from bonded.accounts.caveats import TOKEN_PROJECT
from bonded.accounts.permits import require
from bonded.accounts.tokens import Bearer
from bonded.catalog import read, requirements, words
from bonded.catalog.change import create_project
from bonded.catalog.descriptions import ask, expect_description
from bonded.catalog.locks import try_lock_project
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import release as release_table
from bonded.catalog.twins import lock_twins, twins_of
from bonded.db.engine import Tx
from bonded.db.jobs import enqueue
from bonded.journal.record import record
from bonded.upload.attestations import Provenance
from bonded.upload.examine import Examined
from bonded.upload.limits import UploadLimits
from bonded.upload.naming import check_new_name
from bonded.upload.receive import Received
from bonded.upload.reuse import Sibling, check_frozen, check_second_sdist, check_status, find_same
from bonded.values.actions import ACTIONS
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, PackageType, Role, SubjectKind
from bonded.values.who import Actor

_F = file_table.c
_NEW_FILE = insert(file_table)
_SIBLINGS = select(_F.id, _F.filename, _F.packagetype, _F.sha256, _F.state, _F.holds_name, _F.burnt).where(
    or_(_F.filename == bindparam("filename"), _F.release_id == bindparam("release"))
)


@cache
def _new_release(dialect: str) -> Executable:
    """Insert unless the version is there; built once for each kind of database."""
    make: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    key = [release_table.c.project_id, release_table.c.canonical]
    statement: Executable = make(release_table).on_conflict_do_nothing(index_elements=key).returning(release_table.c.id)
    return statement


@dataclass(frozen=True, slots=True)
class Entered:
    """The file's row as it is now. `created`: with a new project. `repeated`: it was there already."""

    file_id: str
    state: FileState
    created: bool
    repeated: bool

    def published(self) -> Entered:
        """The same, public."""
        return replace(self, state=FileState.PUBLIC)


def look(
    conn: Connection, examined: Examined, sha256: str, bearer: Bearer, limits: UploadLimits, now: datetime
) -> Entered | None:
    """What can be said before the file is stored: refuse early, or find the file there already. Raises Refusal."""
    project = read.project(conn, examined.key)
    bearer = as_of_now(conn, bearer, examined.key, exists=project is not None)
    _check_permission(conn, examined.key, project, bearer)
    if project is None:
        check_new_name(examined.name, twins_of(conn, examined.name, examined.key), limits)
        return None
    return _known(conn, project, examined, sha256, limits, now)


def enter(
    tx: Tx,
    received: Received,
    examined: Examined,
    provenance: Provenance | None,
    vault_key: str,
    upload_id: str,
    bearer: Bearer,
    who: Actor,
    limits: UploadLimits,
    now: datetime,
) -> Entered:
    """The file's rows, with the project's for a first file; everything is looked at again, under the project's lock.

    Raises Refusal, and IntegrityError when another transaction was faster: begin again.
    """
    project, created, bearer = _project(tx, examined, bearer, who, limits, now)
    who = replace(who, user_id=bearer.user.id)
    known = None if created else _known(tx, project, examined, received.sha256, limits, now)
    if known is not None:
        return known
    release_id = _release(tx, project, examined, upload_id, now)
    row = _row(received, examined, project, release_id, vault_key, upload_id, bearer, now)
    row["provenance_sha256"] = provenance.sha256 if provenance else None
    tx.execute(_NEW_FILE, row)
    if release_id != upload_id:  # a release is made with its first file, and says what that one says
        words.enter(tx, release_id, upload_id, examined.metadata)
    record(
        tx,
        "file.upload",
        who,
        (SubjectKind.FILE, upload_id),
        now=now,
        project=project.key,
        user=None,
        facts={
            "filename": examined.filename,
            "version": examined.version,
            "sha256": received.sha256,
            "size": received.size,
            **({"provenance": provenance.sha256} if provenance else {}),
        },
    )
    enqueue(tx, "screen", f"screen:{upload_id}", {"file_id": upload_id}, now=now)
    return Entered(upload_id, FileState.RECEIVED, created=created, repeated=False)


def _project(
    tx: Tx, examined: Examined, bearer: Bearer, who: Actor, limits: UploadLimits, now: datetime
) -> tuple[read.Project, bool, Bearer]:
    """The project, locked, whether it is new, and the bearer as they are now."""
    project = try_lock_project(tx, examined.key)
    if project is None:
        lock_twins(tx, examined.name)
        # Looked up again: whoever had the lock before may have registered the name.
        project = try_lock_project(tx, examined.key)
    bearer = as_of_now(tx, bearer, examined.key, exists=project is not None)
    _check_permission(tx, examined.key, project, bearer)
    if project is not None:
        return project, False, bearer
    check_new_name(examined.name, twins_of(tx, examined.name, examined.key), limits)
    who = replace(who, user_id=bearer.user.id)
    made = create_project(tx, who, examined.name, owner_id=bearer.user.id, now=now)
    return made, True, made_project(tx, who, bearer, made.key, now=now)


def _check_permission(conn: Connection, key: str, project: read.Project | None, bearer: Bearer) -> None:
    """Rights as they are now, not as they were when the token was made. Raises Refusal."""
    if bearer.projects and key not in bearer.projects:
        raise Refusal(TOKEN_PROJECT, f"the API token is not for the project {key}: use one that is")
    role: Role | None = None if project is None else read.role_in(conn, bearer.user.id, key)
    require(
        ACTIONS["project.create" if project is None else "file.upload"],
        account=bearer.user.state,
        is_admin=bearer.user.is_admin,
        role=role,
        scopes=bearer.permissions,
        factor_age=None,
        project=key,
    )


def _known(
    conn: Connection, project: read.Project, examined: Examined, sha256: str, limits: UploadLimits, now: datetime
) -> Entered | None:
    release = read.release_head(conn, project.id, examined.version)
    siblings = _siblings(conn, examined.filename, release[0] if release else "")
    same = find_same(examined.filename, sha256, siblings)
    if same is not None:
        return Entered(same.id, same.state, created=False, repeated=True)
    check_status(project.key, project.status)
    check_second_sdist(examined.filename, examined.packagetype, siblings)
    if release:
        check_frozen(release[1], now, limits)
    return None


def _siblings(conn: Connection, filename: str, release_id: str) -> list[Sibling]:
    rows = conn.execute(_SIBLINGS, {"filename": filename, "release": release_id})
    return [
        Sibling(
            row.id,
            row.filename,
            PackageType(row.packagetype),
            row.sha256,
            FileState(row.state),
            row.holds_name,
            row.burnt,
        )
        for row in rows
    ]


def _release(tx: Tx, project: read.Project, examined: Examined, release_id: str, now: datetime) -> str:
    made = tx.execute(
        _new_release(tx.dialect.name),
        {
            "id": release_id,
            "project_id": project.id,
            "version": examined.version,
            "metadata": examined.metadata,
            "created_at": now,
        },
    ).scalar_one_or_none()
    if made is not None:
        requirements.enter(tx, project.id, examined.metadata)
        expect_description(tx, str(made))
        ask(tx, str(made), now)
        return str(made)
    head = read.release_head(tx, project.id, examined.version)
    assert head is not None, "a release that is in the way is there"
    return head[0]


def _row(
    received: Received,
    examined: Examined,
    project: read.Project,
    release_id: str,
    vault_key: str,
    upload_id: str,
    bearer: Bearer,
    now: datetime,
) -> dict[str, Any]:
    served = examined.has_metadata_file
    return {
        "id": upload_id,
        "project_id": project.id,
        "release_id": release_id,
        "filename": examined.filename,
        "packagetype": examined.packagetype,
        "python_version": examined.python_version,
        "requires_python": examined.requires_python,
        "size": received.size,
        "md5": received.md5,
        "sha256": received.sha256,
        "blake2_256": received.blake2_256,
        "vault_key": vault_key,
        "metadata_sha256": examined.metadata_sha256 if served else None,
        "metadata_size": len(examined.metadata_bytes) if served else None,
        "state": FileState.RECEIVED,
        "state_reason": "",
        "state_at": now,
        "holds_name": True,
        "burnt": False,
        "yanked": False,
        "yanked_reason": "",
        "uploaded_at": now,
        "uploader_id": bearer.user.id,
        "token_id": bearer.token_id,
        "case_id": None,
    }
