"""How far a decision reaches: the chosen files, their releases, their projects, or everything of their uploaders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from bonded.catalog import read
from bonded.catalog.read import FILE_COLUMNS, FILES, File, as_file
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.db.engine import Tx
from bonded.review import decide
from bonded.review.decide import NOTHING_CHOSEN
from bonded.review.decisions import newest, settled
from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState as S
from bonded.values.states import ProjectStatus
from bonded.values.who import Actor

MOST_FILES = 1000
TOO_MANY = define(
    "too-many-files",
    409,
    "The decision reaches too many files",
    f"One decision is about at most {MOST_FILES} files, so that it is done at once. Decide project by project.",
)


class Level(StrEnum):
    """How far."""

    FILE = "file"
    RELEASE = "release"
    PROJECT = "project"
    UPLOADER = "uploader"


FITTING: dict[str, frozenset[S]] = {
    "release": frozenset({S.HELD, S.REJECTED, S.QUARANTINED}),
    "reject": frozenset({S.HELD, S.REJECTED}),
    "quarantine": frozenset({S.PUBLIC, S.QUARANTINED}),
    "remove": frozenset({S.HELD, S.PUBLIC, S.QUARANTINED, S.REJECTED}),
    "reopen": frozenset({S.REJECTED}),
    "ask-owner": frozenset(S) - {S.REMOVED},
}
"""Act -> states of files for which it is offered. What is possible is decided again when it is made."""

ACTS: dict[str, Callable[..., list[int]]] = {
    "release": decide.release,
    "reject": decide.reject,
    "quarantine": decide.quarantine,
    "remove": decide.remove,
    "reopen": decide.reopen,
    "ask-owner": decide.ask_owner,
}
_TARGET = {"release": S.PUBLIC, "reject": S.REJECTED, "quarantine": S.QUARANTINED}
_STATUS = {"quarantine": decide.quarantine_project, "release": decide.release_project}


@dataclass(frozen=True, slots=True)
class Reach:
    """What a decision is about. `projects` (keys) change their status as a whole."""

    files: tuple[File, ...]
    projects: tuple[str, ...] = ()


def reach(conn: Connection, act: str, file_ids: Iterable[str], level: Level) -> Reach:
    """The files that `act` at `level` is about, from those chosen. Raises Refusal (nothing-chosen, too-many-files)."""
    f = file_table.c
    chosen = _files(conn, f.id.in_(sorted(set(file_ids))))
    if level is Level.FILE:
        return Reach(tuple(chosen))
    wide = {
        Level.RELEASE: (f.release_id, {one.release_id for one in chosen}),
        Level.PROJECT: (f.project_id, {one.project_id for one in chosen}),
        Level.UPLOADER: (f.uploader_id, {one.uploader_id for one in chosen} - {""}),
    }
    column, values = wide[level]
    files = _fitting(conn, act, _files(conn, column.in_(sorted(values)), f.state.in_(sorted(FITTING[act]))))
    projects = _projects(conn, act, values) if level is Level.PROJECT and act in _STATUS else ()
    if not files and not projects:
        raise Refusal(NOTHING_CHOSEN, "this decision fits none of the files there")
    return Reach(tuple(files), projects)


def waiting(conn: Connection, act: str, case_ids: Iterable[int]) -> Reach:
    """Files of the cases that nobody has decided about, where `act` fits. Raises Refusal (nothing-chosen, too-many-files)."""
    f = file_table.c
    files = _files(conn, f.case_id.in_(sorted(set(case_ids))), f.state.in_(sorted(FITTING[act])))
    decided = newest(conn, [one.id for one in files])
    left = [one for one in files if not settled(one, decided.get(one.id))]
    if not left:
        raise Refusal(NOTHING_CHOSEN, "this decision fits none of the files in these cases")
    return Reach(tuple(left))


def carry_out(tx: Tx, who: Actor, act: str, about: Reach, *, reason: str, now: datetime) -> list[int]:
    """Do `act` to everything in reach, in one transaction; one journal row each. Returns the journal ids. Raises Refusal."""
    note = decide.mark()
    done = [_STATUS[act](tx, who, key, reason=reason, now=now, note=note) for key in about.projects]
    files = [one.id for one in about.files]
    return done + (ACTS[act](tx, who, files, reason=reason, now=now, note=note) if files or not done else [])


def _fitting(conn: Connection, act: str, files: list[File]) -> list[File]:
    """Without those that are settled in the very state that is wanted."""
    decided = newest(conn, [one.id for one in files])
    target = _TARGET.get(act)
    return [one for one in files if one.state is not target or not settled(one, decided.get(one.id))]


def _projects(conn: Connection, act: str, project_ids: Iterable[str]) -> tuple[str, ...]:
    p = project_table.c
    held = p.status == ProjectStatus.QUARANTINED
    query = select(p.key).where(p.id.in_(sorted(project_ids)), held if act == "release" else ~held)
    return tuple(conn.execute(query.order_by(p.key)).scalars())


def _files(conn: Connection, *where: Any) -> list[File]:
    query = select(*FILE_COLUMNS).select_from(FILES).where(*where).order_by(read.FILE_COLUMNS[2], file_table.c.filename)
    rows = conn.execute(query.limit(MOST_FILES + 1)).all()
    if len(rows) > MOST_FILES:
        raise Refusal(TOO_MANY, f"this would be about too many files at once (at most {MOST_FILES})")
    return [as_file(row) for row in rows]
