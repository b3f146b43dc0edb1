"""What clients could see of a project, and of all: pages and Atom feeds of publications."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from pyramid.httpexceptions import HTTPMovedPermanently
from pyramid.response import Response

from bonded.catalog.pages import shown
from bonded.tuf import seen
from bonded.tuf.seen import Publication
from bonded.values.names import normalize
from bonded.web.forms import whole
from bonded.web.request import Request, found
from bonded.web.safe import with_part

AT_ONCE = 20
SHOWN = 30
"""Changes shown of one publication."""


def recent(request: Request) -> Response:
    """Publications, newest first, AT_ONCE on a page; `?before=` goes on from there. Raises Refusal (bad-form)."""
    found_here = _publications(request)
    older = f"/recent/?before={found_here[-1].n}" if len(found_here) == AT_ONCE else ""
    return request.page("public/recent.html", publications=found_here, most=SHOWN, older=older)


def recent_feed(request: Request) -> Response:
    """The same as Atom (RFC 4287)."""
    return _atom(request, "", _publications(request))


def project(request: Request) -> Response:
    """All that clients saw of a project, newest first. Raises Refusal (not-found, bad-form)."""
    key = normalize(request.part("project"))
    if key != request.part("project"):
        return HTTPMovedPermanently(location=with_part(request.path, 1, key))
    with request.db.read() as conn:
        page = found(shown(conn, key), f"There is no project {key[:100]} here.")
        changes = seen.history(conn, key, before=_before(request))
    older = f"/project/{key}/history/?before={changes[-1].n}" if len(changes) >= 50 else ""
    return request.page("public/history.html", page=page, changes=changes, older=older)


def project_feed(request: Request) -> Response:
    """The same as Atom. Raises Refusal (not-found)."""
    key = normalize(request.part("project"))
    with request.db.read() as conn:
        found(shown(conn, key), f"There is no project {key[:100]} here.")
        changes = seen.history(conn, key)
    grouped = [(n, tuple(some)) for n, some in groupby(changes, lambda change: change.n)]
    return _atom(request, key, [Publication(n, some[0].at, len(some), some) for n, some in grouped])


def _publications(request: Request) -> list[Publication]:
    with request.db.read() as conn:
        return seen.publications(conn, before=_before(request), limit=AT_ONCE)


def _before(request: Request) -> int | None:
    text = request.params.get("before")
    return whole(text) if text else None


def _atom(request: Request, project_key: str, entries: Sequence[Publication]) -> Response:
    updated: datetime = entries[0].at if entries else request.now
    response = Response(content_type="application/atom+xml", charset="utf-8")
    values = {"entries": entries, "project": project_key, "updated": updated, "most": SHOWN}
    response.text = request.pages.text(request, "public/feed.xml", values)
    response.headers["Cache-Control"] = "public, max-age=60"
    return response
