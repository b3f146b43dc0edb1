"""Filters of the review queue that an administrator keeps under a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from pyramid.response import Response
from sqlalchemy import Connection, delete, func, insert, select

from bonded.catalog.tables import saved_filter
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import Actor
from bonded.web.forms import Form
from bonded.web.identity import actor
from bonded.web.notices import go
from bonded.web.request import Request

FIELDS = ("state", "sort", "by", "project", "uploader", "check", "campaign")
MOST = 20
FILTERS_FULL = define(
    "filters-full", 409, "Too many filters are saved", f"You can keep {MOST} filters. Forget one of them first."
)


@dataclass(frozen=True, slots=True)
class Saved:
    """One filter: its name and the query of the queue's address."""

    name: str
    query: str


def saved(conn: Connection, user_id: str) -> list[Saved]:
    """A person's filters by name."""
    s = saved_filter.c
    rows = conn.execute(select(s.name, s.query).where(s.user_id == user_id).order_by(s.name))
    return [Saved(*row) for row in rows]


def query_of(values: Mapping[str, str]) -> str:
    """Those of `values` that the queue knows, in one order, as a query. Pure."""
    return urlencode([(name, values[name][:100]) for name in FIELDS if values.get(name)])


def save(request: Request) -> Response:
    """Keep the filter that the queue was shown with; one of the same name is replaced. Raises Refusal (filters-full)."""
    form = Form(request)
    name = form.text("name", most=40)
    query = query_of(dict(parse_qsl(form.text("query", most=1000, required=False))))
    if name and not form.errors:
        with request.db.write() as tx:
            _keep(tx, actor(request), name, query, request.now)
    return go(request, f"/admin/review/?{query}", "filter-saved" if name and not form.errors else "filter-unnamed")


def forget(request: Request) -> Response:
    """Forget a filter; one that is not there is forgotten already."""
    form = Form(request)
    name, who = form.text("name", most=40), actor(request)
    s = saved_filter.c
    with request.db.write() as tx:
        if tx.execute(delete(saved_filter).where(s.user_id == who.user_id, s.name == name)).rowcount:
            record(tx, "filter.forget", who, (SubjectKind.USER, who.user_id), now=request.now, user=who.user_id)
    return go(request, "/admin/review/", "filter-forgotten")


def _keep(tx: Tx, who: Actor, name: str, query: str, now: datetime) -> None:
    s = saved_filter.c
    tx.execute(delete(saved_filter).where(s.user_id == who.user_id, s.name == name))
    if tx.execute(select(func.count()).where(s.user_id == who.user_id)).scalar_one() >= MOST:
        raise Refusal(FILTERS_FULL, f"as many filters are saved as can be ({MOST})")
    tx.execute(insert(saved_filter).values(user_id=who.user_id, name=name, query=query, created_at=now))
    record(tx, "filter.save", who, (SubjectKind.USER, who.user_id), now=now, user=who.user_id)
