"""What is known about who uploaded: how long they are here, what else is theirs, how they prove who they are. Reads only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from bonded.accounts import factors, people, tokens
from bonded.accounts.tokens import Token
from bonded.catalog.read import File
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.values.states import AccountState, FileState

NEW_FOR = timedelta(days=30)
_BAD = (FileState.REJECTED, FileState.QUARANTINED)


@dataclass(frozen=True, slots=True)
class Uploader:
    """One person who uploaded files of a case. `served` and `refused` count their other files: those that were public once
    and are, and those that were rejected or quarantined; `projects` other projects with a public file. `token` is what the
    newest file came with, None for one that is gone."""

    id: str
    name: str
    since: datetime
    frozen: bool
    has_factor: bool
    mail_domain: str
    served: int
    refused: int
    projects: int
    new: bool
    token: Token | None


def newcomers(conn: Connection, ids: Collection[str], now: datetime) -> frozenset[str]:
    """Those who have an account for less than NEW_FOR, or no file that was ever public."""
    f = file_table.c
    known = select(f.uploader_id).where(f.uploader_id.in_(sorted(ids)), f.burnt).distinct()
    served = set(conn.execute(known).scalars())
    since = people.since(conn, ids)
    return frozenset(one for one in ids if one not in served or (one in since and now - since[one] < NEW_FOR))


def of_files(conn: Connection, files: Collection[File], now: datetime) -> list[Uploader]:
    """The people behind the files of a case, each once, in order of their first file."""
    newest = {one.uploader_id: one for one in sorted(files, key=lambda one: one.uploaded_at)}
    new = newcomers(conn, newest.keys() - {""}, now)
    found = [_one(conn, user_id, last, user_id in new) for user_id, last in newest.items() if user_id]
    return [one for one in found if one is not None]


def _one(conn: Connection, user_id: str, last: File, new: bool) -> Uploader | None:
    person = people.by_id(conn, user_id)
    if person is None:
        return None
    f, p = file_table.c, project_table.c
    others = (f.uploader_id == user_id, f.project_id != last.project_id)
    served = select(func.count(), func.count(f.project_id.distinct())).where(*others, f.state == FileState.PUBLIC)
    files, projects = conn.execute(served.join(project_table, p.id == f.project_id)).one()
    refused = conn.execute(select(func.count()).where(*others, f.state.in_(_BAD))).scalar_one()
    return Uploader(
        id=user_id,
        name=person.name,
        since=person.created_at,
        frozen=person.state is not AccountState.ACTIVE,
        has_factor=factors.has_any(conn, user_id),
        mail_domain=person.email.rpartition("@")[2],
        served=files,
        refused=refused,
        projects=projects,
        new=new,
        token=tokens.by_id(conn, last.token_id) if last.token_id else None,
    )
