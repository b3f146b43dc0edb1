"""Reading the journal: filtered pages, newest first, for a person, a project, or an administrator.

The three views differ in what they may see: only administrators see other people's addresses, and a person their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Select, Text, false, or_, select, type_coerce

from bonded.journal.tables import journal, journal_leaf, journal_private
from bonded.values.states import SubjectKind
from bonded.values.text import has_control

PAGE = 50
MAX_PAGE = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. `seq` is its number in the sealed log (None: not sealed yet); `private` is {} where the view hides it."""

    id: int
    action: str
    actor_kind: str
    actor_id: str
    credential_id: str
    subject_kind: SubjectKind
    subject_id: str
    project_key: str | None
    user_id: str | None
    at: datetime
    facts: dict[str, Any]
    seq: int | None
    private: dict[str, str]


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show; () and None do not narrow. `since` is inclusive, `until` exclusive; `actions` are exact names."""

    actions: tuple[str, ...] = ()
    actor_id: str | None = None
    actor_kind: str | None = None
    credential_id: str | None = None
    project: str | None = None
    user_id: str | None = None
    subject: tuple[SubjectKind, str] | None = None
    ip: str | None = None
    since: datetime | None = None
    until: datetime | None = None


ALL = Filter()


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first, and `before` for the next page (None: this is the last)."""

    entries: tuple[Entry, ...] = field(default=())
    before: int | None = None


def of_user(
    conn: Connection, user_id: str, narrowed: Filter = ALL, *, before: int | None = None, limit: int = PAGE
) -> Page:
    """What the person did, and what was done about them. Other people's addresses are not shown; those of failed logins
    are, since whoever failed may be an attacker."""
    page = _page(conn, select(journal), replace(narrowed, user_id=user_id), before, limit)
    shown = tuple(e if e.actor_id in ("", user_id) else _hidden(e) for e in page.entries)
    return replace(page, entries=shown)


def of_project(
    conn: Connection, project: str, narrowed: Filter = ALL, *, before: int | None = None, limit: int = PAGE
) -> Page:
    """Everything about the project (a normalized name), removed members' acts and a deleted project's rows included."""
    page = _page(conn, select(journal), replace(narrowed, project=project), before, limit)
    return replace(page, entries=tuple(_hidden(e) for e in page.entries))


def of_everything(conn: Connection, narrowed: Filter = ALL, *, before: int | None = None, limit: int = PAGE) -> Page:
    """All rows with their private data, for administrators."""
    return _page(conn, select(journal), narrowed, before, limit)


def without_private(page: Page) -> Page:
    """The same page with nobody's addresses."""
    return replace(page, entries=tuple(_hidden(e) for e in page.entries))


def acted(conn: Connection, user_id: str) -> bool:
    """Whether any row is by this person or about them; also of an account that is deleted."""
    return bool(_page(conn, select(journal), Filter(user_id=user_id), None, 1).entries)


def entry(conn: Connection, journal_id: int) -> Entry | None:
    """One row with its private data: for administrators and for mails to the person concerned."""
    found = _page(conn, select(journal).where(journal.c.id == journal_id), ALL, None, 1).entries
    return found[0] if found else None


def all_pages(conn: Connection, narrowed: Filter) -> Iterator[Entry]:
    """Every entry of the administrator's view, newest first, a page at a time: for exports."""
    before = None
    while True:
        page = of_everything(conn, narrowed, before=before, limit=MAX_PAGE)
        yield from page.entries
        before = page.before
        if before is None:
            return


def _page(conn: Connection, query: Select[Any], narrowed: Filter, before: int | None, limit: int) -> Page:
    limit = max(1, min(limit, MAX_PAGE))
    query = _narrow(query, narrowed)
    if before is not None:
        query = query.where(journal.c.id < before)
    rows = conn.execute(query.order_by(journal.c.id.desc()).limit(limit + 1)).all()
    ids = [row.id for row in rows[:limit]]
    private, numbers = _private(conn, ids), _numbers(conn, ids)
    entries = tuple(_entry(row, numbers.get(row.id), private.get(row.id, {})) for row in rows[:limit])
    return Page(entries, entries[-1].id if len(rows) > limit else None)


def _narrow(query: Select[Any], by: Filter) -> Select[Any]:
    j = journal.c
    equal = (
        (j.actor_id, by.actor_id),
        (j.actor_kind, by.actor_kind),
        (j.credential_id, by.credential_id),
        (j.project_key, by.project),
    )
    texts = [value for _, value in equal] + [by.user_id, by.ip, *by.actions, by.subject[1] if by.subject else None]
    if any(has_control(text) for text in texts if text is not None):
        return query.where(false())  # no row holds that, and PostgreSQL refuses to compare it
    for column, value in equal:
        if value is not None:
            query = query.where(column == value)
    if by.actions:
        query = query.where(j.action.in_(by.actions))
    if by.user_id is not None:
        query = query.where(or_(j.actor_id == by.user_id, j.user_id == by.user_id))
    if by.subject is not None:
        query = query.where(j.subject_kind == by.subject[0], j.subject_id == by.subject[1])
    if by.since is not None:
        query = query.where(j.at >= by.since)
    if by.until is not None:
        query = query.where(j.at < by.until)
    return _from_address(query, by.ip) if by.ip is not None else query


def _from_address(query: Select[Any], ip: str) -> Select[Any]:
    """Private data are JSON text without spaces, so an exact pair can be found in it (a scan: administrators only)."""
    pair = type_coerce(journal_private.c.data, Text).contains(f'"ip":{orjson.dumps(ip).decode()}', autoescape=True)
    return query.where(journal.c.id.in_(select(journal_private.c.journal_id).where(pair)))


def _private(conn: Connection, ids: list[int]) -> dict[int, dict[str, str]]:
    query = select(journal_private.c.journal_id, journal_private.c.data).where(journal_private.c.journal_id.in_(ids))
    return {row.journal_id: row.data for row in conn.execute(query)} if ids else {}


def _numbers(conn: Connection, ids: list[int]) -> dict[int, int]:
    query = select(journal_leaf.c.journal_id, journal_leaf.c.seq).where(journal_leaf.c.journal_id.in_(ids))
    return {row.journal_id: row.seq for row in conn.execute(query)} if ids else {}


def _hidden(entry: Entry) -> Entry:
    return replace(entry, private={})


def _entry(row: Any, seq: int | None, private: dict[str, str]) -> Entry:
    return Entry(
        row.id,
        row.action,
        row.actor_kind,
        row.actor_id,
        row.credential_id,
        SubjectKind(row.subject_kind),
        row.subject_id,
        row.project_key,
        row.user_id,
        row.at,
        row.facts,
        seq,
        private,
    )
