"""Rows of the journal as pages show them: who, what, when, by which credential, and since when clients could see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pyramid.response import Response
from sqlalchemy import Connection, select

from bonded.accounts import people
from bonded.accounts.tables import token
from bonded.journal import read
from bonded.journal.read import Entry, Filter, Page
from bonded.ops.delete_account import DELETED_NAME
from bonded.tuf.tables import journal_publication, publication
from bonded.values.actions import ACTIONS
from bonded.values.pieces import Catalogue, Words, file_state, project_role, project_status, token_may
from bonded.values.states import SubjectKind
from bonded.web.forms import whole
from bonded.web.history_filter import EVENTS, Chosen, chosen_of, narrowed
from bonded.web.request import Request

SHOWN_FACTS = (
    ("filename", "version", "name", "role", "from", "to", "reason", "permissions", "projects", "queue", "key", "filter",
     "found", "acts")
)  # fmt: skip
"""Facts that mean something to a reader, in this order; digests and ids are left to exports."""

View = Callable[[Connection, Filter, int | None, int], Page]
"""One of the three views: reads a page of at most so many entries before a row's number."""


def of_user(user_id: str) -> View:
    """What a person sees: what they did, and what was done about them."""
    return lambda conn, by, before, limit: read.of_user(
        conn, user_id, replace(by, user_id=None), before=before, limit=limit
    )


def of_project(key: str) -> View:
    """What maintainers see: everything about their project."""
    return lambda conn, by, before, limit: read.of_project(
        conn, key, replace(by, project=None), before=before, limit=limit
    )


def of_everything(conn: Connection, by: Filter, before: int | None, limit: int) -> Page:
    """What administrators see: everything, without addresses of people."""
    return read.without_private(read.of_everything(conn, by, before=before, limit=limit))


def with_private(conn: Connection, by: Filter, before: int | None, limit: int) -> Page:
    """What administrators see who gave a reason: everything, with the addresses that have not expired."""
    return read.of_everything(conn, by, before=before, limit=limit)


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `actor` and `person` are names, "" where there is nobody; `credential` is the name of the API token, where
    the reader may know it; `visible_at`: when clients could first see it."""

    entry: Entry
    label: str
    actor: str
    person: str
    credential: str
    facts: tuple[tuple[str, list[str]], ...]
    visible_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of rows; `older` is the address of the next page, "" on the last; `before` its row number."""

    rows: tuple[Row, ...]
    older: str = ""
    before: int | None = None


def history_page(request: Request, template: str, view: View, *, named: bool = False, **values: Any) -> Response:
    """The page `template` with the rows of a view that the form above it asks for, newest first.

    `named`: the reader may know the names of the API tokens. Raises Refusal (bad-form, not-found).
    """
    text = request.GET.get("before")
    before = whole(text) if text is not None else None
    chosen = chosen_of(request.GET)
    with request.db.read() as conn:
        page = view(conn, narrowed(conn, chosen), before, read.PAGE)
        rows = rows_of(conn, request, page, named=named)
    older = "?" + "&".join(part for part in (f"before={page.before}", chosen.query) if part) if page.before else ""
    return request.page(template, page=Rows(rows, older, page.before), **form_values(chosen), **values)


def form_values(chosen: Chosen) -> dict[str, Any]:
    """What the form above a history needs."""
    return {"chosen": chosen, "actions": EVENTS}


def latest_about(request: Request, user_id: str) -> Rows:
    """The newest rows about one person, for administrators."""
    with request.db.read() as conn:
        page = of_everything(conn, Filter(user_id=user_id), None, 20)
        return Rows(rows_of(conn, request, page, named=True))


def latest_in(request: Request, conn: Connection, project: str, actions: tuple[str, ...]) -> Rows:
    """The newest rows of some acts in a project, for administrators."""
    return Rows(rows_of(conn, request, of_everything(conn, Filter(actions, project=project), None, 20), named=True))


def rows_of(conn: Connection, request: Request, page: Page, *, named: bool) -> tuple[Row, ...]:
    """The entries with names and words."""
    # The page says in the reader's language that an account was deleted.
    names = {user_id: name for user_id, name in names_in(conn, page).items() if name != DELETED_NAME}
    tokens = _tokens(conn, {e.credential_id for e in page.entries if e.actor_kind == "token"}) if named else {}
    seen = _visible(conn, [e.id for e in page.entries])
    catalogue = request.pages.translations(request.language)
    return tuple(
        Row(
            entry,
            request.gettext(ACTIONS[entry.action].label) if entry.action in ACTIONS else entry.action,
            names.get(entry.actor_id, ""),
            names.get(entry.user_id or "", ""),
            tokens.get(entry.credential_id, ""),
            tuple(facts_of(entry, catalogue)),
            seen.get(entry.id),
        )
        for entry in page.entries
    )


def names_in(conn: Connection, page: Page) -> dict[str, str]:
    """Names of the people in the page, by id; of deleted accounts what stands in place of a name."""
    ids = {e.actor_id for e in page.entries} | {e.user_id for e in page.entries if e.user_id}
    return people.names(conn, ids - {""})


def facts_of(entry: Entry, catalogue: Catalogue) -> list[tuple[str, list[str]]]:
    """The facts to show, as texts, words of ours in the reader's language; each fact is cut at 300 characters."""
    states = _STATES.get(entry.subject_kind)
    words = {"role": project_role, "permissions": token_may, "from": states, "to": states}
    out = []
    for name in SHOWN_FACTS:
        value = entry.facts.get(name)
        if value not in (None, "", [], {}):
            out.append((name, _cut(_texts(value, words.get(name), catalogue))))
    return out


_STATES = {SubjectKind.FILE: file_state, SubjectKind.PROJECT: project_status}
"""What it is a state of that something came from and went to."""


def _texts(value: Any, words: Words | None, catalogue: Catalogue) -> list[str]:
    if isinstance(value, dict):
        return [f"{name} {one}" for name, one in value.items()]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one, words, catalogue)]
    return [words.translated(words(value), catalogue) if words else str(value)]


def _cut(texts: list[str]) -> list[str]:
    """As many of them as have 300 characters together, and of the next one what is left."""
    shown, left = [], 300
    for text in texts:
        if left > 0:
            shown.append(text[:left])
        left -= len(text)
    return shown


def _tokens(conn: Connection, ids: set[str]) -> dict[str, str]:
    query = select(token.c.id, token.c.name).where(token.c.id.in_(ids))
    return {row.id: row.name for row in conn.execute(query)} if ids else {}


def _visible(conn: Connection, ids: list[int]) -> dict[int, datetime]:
    if not ids:
        return {}
    query = (
        select(journal_publication.c.journal_id, publication.c.flipped_at)
        .join(publication, publication.c.n == journal_publication.c.n)
        .where(journal_publication.c.journal_id.in_(ids), publication.c.flipped_at.is_not(None))
    )
    return {row.journal_id: row.flipped_at for row in conn.execute(query)}
