"""Rows of the journal as pages show them: who, what, when, by which credential, and since when clients could see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyramid.response import Response
from sqlalchemy import Connection, select

from bonded.accounts import people
from bonded.journal import read
from bonded.journal.read import Entry, Filter, Page
from bonded.tuf.tables import journal_publication, publication
from bonded.values.actions import ACTIONS
from bonded.web.forms import whole
from bonded.web.request import Request, found
from bonded.web.safe import quoted

SHOWN_FACTS = ("filename", "version", "name", "role", "from", "to", "reason", "permissions", "projects", "queue", "key")
"""Facts that mean something to a reader, in this order; digests and ids are left to exports."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `actor` and `person` are names, "" where there is nobody; `visible_at`: when clients could first see it."""

    entry: Entry
    label: str
    actor: str
    person: str
    facts: tuple[tuple[str, str], ...]
    visible_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of rows; `older` is the address of the next page, "" on the last."""

    rows: tuple[Row, ...]
    older: str


def history_page(
    request: Request, template: str, *, about_user: str | None = None, about_project: str | None = None, **values: Any
) -> Response:
    """The page `template` with one person's, one project's, or everybody's rows, newest first.

    Raises Refusal (bad-form, not-found) for a broken address or filter.
    """
    before = request.params.get("before")
    last = whole(before) if before is not None else None
    chosen = {name: request.params.get(name, "").strip()[:100] for name in ("action", "person", "project")}
    with request.db.read() as conn:
        if about_user is not None:
            page = read.of_user(conn, about_user, _own_filter(chosen), before=last)
        elif about_project is not None:
            page = read.of_project(conn, about_project, before=last)
        else:
            page = read.of_everything(conn, _filter(conn, chosen), before=last)
        rows = _rows(conn, request, page)
    kept = "".join(f"&{name}={quoted(value)}" for name, value in chosen.items() if value)
    older = f"?before={page.before}{kept}" if page.before is not None else ""
    return request.page(template, page=Rows(rows, older), chosen=chosen, actions=ACTIONS, **values)


def latest_about(request: Request, user_id: str) -> Rows:
    """The newest rows about one person with private data, for administrators."""
    with request.db.read() as conn:
        return Rows(_rows(conn, request, read.of_everything(conn, Filter(user_id=user_id), limit=20)), "")


def _own_filter(chosen: dict[str, str]) -> Filter:
    return Filter(actions=(chosen["action"],) if chosen["action"] in ACTIONS else ())


def latest_in(request: Request, conn: Connection, project: str, actions: tuple[str, ...]) -> Rows:
    """The newest rows of some acts in a project, for administrators."""
    return Rows(_rows(conn, request, read.of_everything(conn, Filter(actions, project=project), limit=20)), "")


def _filter(conn: Connection, chosen: dict[str, str]) -> Filter:
    person = None
    if chosen["person"]:
        person = found(people.by_name(conn, chosen["person"]), "There is nobody of this name here.").id
    return Filter(
        actions=(chosen["action"],) if chosen["action"] in ACTIONS else (),
        user_id=person,
        project=chosen["project"] or None,
    )


def _rows(conn: Connection, request: Request, page: Page) -> tuple[Row, ...]:
    ids = {e.actor_id for e in page.entries} | {e.user_id for e in page.entries if e.user_id}
    names = people.names(conn, ids - {""})
    seen = _visible(conn, [e.id for e in page.entries])
    return tuple(
        Row(
            entry,
            request.gettext(ACTIONS[entry.action].label) if entry.action in ACTIONS else entry.action,
            names.get(entry.actor_id, ""),
            names.get(entry.user_id or "", ""),
            tuple(facts_of(entry.facts)),
            seen.get(entry.id),
        )
        for entry in page.entries
    )


def facts_of(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts to show, as text; lists are joined, everything is cut at 300 characters."""
    out = []
    for name in SHOWN_FACTS:
        value = facts.get(name)
        if value not in (None, "", []):
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            out.append((name, text[:300]))
    return out


def _visible(conn: Connection, ids: list[int]) -> dict[int, datetime]:
    if not ids:
        return {}
    query = (
        select(journal_publication.c.journal_id, publication.c.flipped_at)
        .join(publication, publication.c.n == journal_publication.c.n)
        .where(journal_publication.c.journal_id.in_(ids), publication.c.flipped_at.is_not(None))
    )
    return {row.journal_id: row.flipped_at for row in conn.execute(query)}
