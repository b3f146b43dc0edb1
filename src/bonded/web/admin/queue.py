"""The review queue: one line for each case or each campaign, the most telling first, with filters and bulk decisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from pyramid.response import Response
from sqlalchemy import Connection

from bonded.accounts import people
from bonded.catalog.requirements import dependants
from bonded.review import claims, queue
from bonded.review.campaigns import campaigns, shared
from bonded.review.reasons import REASONS
from bonded.review.scope import FITTING
from bonded.review.undo import last
from bonded.review.uploaders import newcomers
from bonded.values.actions import ACTIONS
from bonded.values.names import normalize
from bonded.values.refusals import Refusal
from bonded.values.text import clean, iso
from bonded.web.admin import filters
from bonded.web.admin.case import KEYS
from bonded.web.forms import Form, whole
from bonded.web.identity import actor
from bonded.web.refusals import BAD_FORM
from bonded.web.request import Request
from bonded.web.safe import quoted

PATH = "/admin/review/"
PAGE = 50
_NONE: dict[str, Any] = {"working": {}, "new": frozenset(), "dependants": {}}


def show(request: Request) -> Response:
    """Open or closed cases, filtered and sorted, or open cases by campaign. Raises Refusal (bad-form) for a broken address."""
    return page(request, Form(request), 200)


def page(request: Request, form: Form, status: int) -> Response:
    """The page with what is wrong with a bulk decision."""
    get = asked(request, form)
    state, sort, by = get.get("state", "open"), get.get("sort", "score"), get.get("by", "case")
    if state not in ("open", "closed") or sort not in queue.SORTS or by not in ("case", "campaign"):
        raise Refusal(BAD_FORM, "the address of the queue has a value that is not offered")
    chosen = {"state": state, "sort": sort, "by": by}
    chosen |= {name: clean(get.get(name, "")).strip()[:100] for name in ("project", "uploader", "check", "campaign")}
    with request.db.read() as conn:
        after = _cursor(get.get("after"), "score" if by == "campaign" else sort)
        values = _campaigns(conn, after) if by == "campaign" else _cases(conn, request, chosen, after)
        undo = last(conn, actor(request), request.now)
        count = queue.count_open(conn)
        kept_filters = filters.saved(conn, actor(request).user_id)
    kept = filters.query_of(chosen)
    older = f"{PATH}?{kept}&after={quoted(values['after'])}" if values["after"] else ""
    del values["after"]
    acts = [act for act in FITTING if act != "reopen"]
    more: dict[str, Any] = {"campaigns": [], "cases": [], "names": {}, "shared": []} | _NONE | values
    return request.page(
        "admin/queue.html",
        status=status,
        form=form,
        chosen=chosen,
        older=older,
        undo=undo,
        count=count,
        acts=acts,
        keys=KEYS,
        actions=ACTIONS,
        reasons={act: REASONS[act] for act in acts},
        filters=kept_filters,
        query=kept,
        here=f"{kept}&after={quoted(get['after'])}" if get.get("after") else kept,
        ticked=request.POST.getall("case") if request.method == "POST" else [],
        late_before=request.now - request.settings.answer_within,
        **more,
    )


def asked(request: Request, form: Form) -> Mapping[str, str]:
    """What the queue was filtered by: the page's address says it, and a bulk decision brings it along."""
    if request.method != "POST":
        get: Mapping[str, str] = request.GET
        return get
    return dict(parse_qsl(form.value("query")))


def address(request: Request, form: Form) -> str:
    """The queue as it was filtered, from the first page on."""
    query = filters.query_of(asked(request, form))
    return f"{PATH}?{query}" if query else PATH


def _cases(conn: Connection, request: Request, chosen: dict[str, str], cursor: queue.Cursor | None) -> dict[str, Any]:
    uploader = None
    if chosen["uploader"]:
        person = people.by_name(conn, chosen["uploader"])
        uploader = person.id if person else "nobody"
    campaign = whole(chosen["campaign"]) if chosen["campaign"] else None
    lines, after = queue.cases(
        conn,
        state=chosen["state"],
        project=normalize(chosen["project"]) or None,
        uploader=uploader,
        check=chosen["check"] or None,
        campaign=campaign,
        sort=chosen["sort"],
        after=cursor,
        limit=PAGE,
    )
    uploaders = {one for line in lines for one in line.uploaders}
    working = {line.id: one for line in lines if (one := claims.holder(line, request.now))}
    names = people.names(conn, uploaders | set(working.values()))
    common = shared(conn, [campaign]).get(campaign, []) if campaign is not None else []
    text = ""
    if after:
        text = f"{iso(after[0]) if isinstance(after[0], datetime) else repr(after[0])}~{after[1]}"
    return {
        "cases": lines,
        "after": text,
        "names": names,
        "shared": common,
        "working": working,
        "new": newcomers(conn, uploaders, request.now),
        "dependants": dependants(conn, {line.project_key for line in lines}),
    }


def _campaigns(conn: Connection, cursor: queue.Cursor | None) -> dict[str, Any]:
    value = (float(cursor[0]), cursor[1]) if cursor and not isinstance(cursor[0], datetime) else None
    found, after = campaigns(conn, after=value, limit=PAGE)
    people_ids = {one.value for line in found for one in line.shared if one.kind == "uploader"}
    text = f"{after[0]!r}~{after[1]}" if after else ""
    return {"campaigns": found, "after": text, "names": people.names(conn, people_ids)}


def _cursor(text: str | None, sort: str) -> queue.Cursor | None:
    if text is None:
        return None
    value, _, case_id = text.partition("~")
    try:
        at = float(value) if sort == "score" else datetime.fromisoformat(value)
        if isinstance(at, datetime) and at.tzinfo is None:
            raise ValueError
        return at, whole(case_id)
    except ValueError:
        raise Refusal(BAD_FORM, "this address of a page of the queue is broken") from None
