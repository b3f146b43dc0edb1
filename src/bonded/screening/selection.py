"""Which files a backfill or a replay is about: conditions as plain values, and as SQL over the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select

from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.catalog.tables import screening_run
from bonded.checks.kit import Check
from bonded.checks.registry import rules_of
from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState, PackageType, SubjectKind

WRONG_SELECTION = define(
    "wrong-selection",
    400,
    "The choice of files cannot be read",
    "A project is a name, or a pattern with * and ?; dates are as 2026-01-31; states and kinds are those of files here.",
)
SCREENED = (FileState.PUBLIC, FileState.HELD, FileState.REJECTED, FileState.QUARANTINED)
"""Files that have been screened once and whose bytes are there: what is chosen where no state is named."""
_F, _P = file_table.c, project_table.c


@dataclass(frozen=True, slots=True)
class Selection:
    """Every condition must hold; the empty ones always do. `project` is a pattern with * and ?, `since` and `until` are
    about the upload, `new` leaves out files on which the checks ran with the rules of today.

    `newest` and `first` take one file of each project. The first is what checks about names and newcomers are for: a file is
    judged as it was when it was uploaded, and only then was its project new. `dormant_days` takes
    projects that nothing was uploaded to for so long.
    """

    project: str = ""
    since: datetime | None = None
    until: datetime | None = None
    states: tuple[FileState, ...] = ()
    kinds: tuple[PackageType, ...] = ()
    new: bool = False
    newest: bool = False
    first: bool = False
    dormant_days: int = 0

    def __post_init__(self) -> None:
        if any(letter in self.project for letter in "[]{}\\"):
            raise Refusal(WRONG_SELECTION, f"{self.project[:60]!r} is no pattern of projects: only * and ? are special")
        if self.dormant_days < 0:
            raise Refusal(WRONG_SELECTION, "a number of days is not below 0")

    def as_json(self) -> dict[str, Any]:
        """What is not empty, as JSON; `selection_of` reads it."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: _plain(value) for name, value in found.items() if value}

    def words(self) -> str:
        """For people: "project=a*, since=2026-01-01"; "all files" for the empty one."""
        told = [f"{name.replace('_', '-')}={_word(value)}" for name, value in sorted(self.as_json().items())]
        return ", ".join(told) or "all files"


def selection_of(raw: Mapping[str, Any]) -> Selection:
    """The inverse of `as_json`. Raises Refusal (wrong-selection)."""
    try:
        return Selection(
            project=str(raw.get("project", "")),
            since=_moment(raw.get("since")),
            until=_moment(raw.get("until")),
            states=tuple(FileState(one) for one in raw.get("states", ())),
            kinds=tuple(PackageType(one) for one in raw.get("kinds", ())),
            new=bool(raw.get("new")),
            newest=bool(raw.get("newest")),
            first=bool(raw.get("first")),
            dormant_days=int(raw.get("dormant_days", 0)),
        )
    except (ValueError, TypeError) as error:
        raise Refusal(WRONG_SELECTION, str(error)) from None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return [str(one) for one in value] if isinstance(value, tuple) else value


def _word(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(value)
    return "yes" if value is True else str(value)


def count(conn: Connection, wanted: Selection, checks: Sequence[Check], *, before: datetime) -> int:
    """How many files there are now; `before` as in `page`."""
    ids = _ids(wanted, checks, before).subquery()
    return conn.execute(select(func.count()).select_from(ids)).scalar_one()


def page(
    conn: Connection,
    wanted: Selection,
    checks: Sequence[Check],
    *,
    before: datetime,
    after: str,
    last: str | None = None,
    limit: int | None = None,
) -> list[str]:
    """The next `limit` ids of files behind the id `after`, or all up to `last`, in the order of ids.

    `before` is when the work began: later uploads are screened anyway.
    """
    query = _ids(wanted, checks, before).where(_F.id > after)
    if last is not None:
        query = query.where(_F.id <= last)
    return [str(one) for one in conn.execute(query.order_by(_F.id).limit(limit)).scalars()]


def _ids(wanted: Selection, checks: Sequence[Check], before: datetime) -> Select[tuple[str]]:
    query: Select[tuple[str]] = select(_F.id).where(*_conditions(wanted, before))
    if wanted.project:
        query = query.join(project_table, _P.id == _F.project_id).where(_P.key.like(_like(wanted.project), escape="\\"))
    if wanted.new and checks:
        query = query.where(or_(*(~_ran(one) for one in checks)))
    return query


def _conditions(wanted: Selection, before: datetime) -> list[ColumnElement[bool]]:
    states = wanted.states or SCREENED
    # By id, not by the index of states, where that finds nearly all files: nearly all are public.
    state = _F.state.concat("") if FileState.PUBLIC in states else _F.state
    found = [_F.uploaded_at <= before, state.in_(states)]
    if wanted.since is not None:
        found.append(_F.uploaded_at >= wanted.since)
    if wanted.until is not None:
        found.append(_F.uploaded_at < wanted.until)
    if wanted.kinds:
        found.append(_F.packagetype.in_(wanted.kinds))
    other = file_table.alias("other")
    same = other.c.project_id == _F.project_id
    shown = other.c.state.concat("").in_(states)
    tie = other.c.uploaded_at == _F.uploaded_at
    if wanted.newest:
        later = or_(other.c.uploaded_at > _F.uploaded_at, and_(tie, other.c.id > _F.id))
        found.append(~exists().where(same, later, shown, other.c.uploaded_at <= before))
    if wanted.first:
        earlier = or_(other.c.uploaded_at < _F.uploaded_at, and_(tie, other.c.id < _F.id))
        found.append(~exists().where(same, earlier, shown))
    if wanted.dormant_days:
        moment = before - timedelta(days=wanted.dormant_days)
        found.append(~exists().where(same, other.c.uploaded_at > moment, other.c.uploaded_at <= before))
    return found


def _ran(one: Check) -> ColumnElement[bool]:
    """The check has run on the file's subject with the rules of today."""
    subject = {SubjectKind.PROJECT: _F.project_id, SubjectKind.RELEASE: _F.release_id}.get(one.subject, _F.id)
    run = screening_run.c
    return exists().where(
        run.subject_kind == one.subject,
        run.subject_id == subject,
        run.check == one.name,
        run.version == one.version,
        run.rules == rules_of(one),
    )


def _like(pattern: str) -> str:
    """A pattern with * and ? as one of LIKE; names are compared in their normal form."""
    plain = pattern.lower().replace("_", "-").replace(".", "-")
    escaped = plain.replace("\\", "\\\\").replace("%", "\\%")
    return escaped.replace("*", "%").replace("?", "_")
