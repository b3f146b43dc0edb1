"""The front page: what this index is, how to use it, what is new."""

from __future__ import annotations

from datetime import timedelta

from pyramid.response import Response

from bonded.catalog import read
from bonded.web.public.kept import Kept
from bonded.web.public.lists import newest
from bonded.web.request import Request

COUNTED = 2000
"""Projects that are counted for every visitor, which takes a few milliseconds; beyond, the number is at most FRESH old."""
FRESH = timedelta(minutes=5)

_many = Kept(FRESH, lambda conn, _now: read.count_projects(conn))


def show(request: Request) -> Response:
    """The front page."""
    with request.db.read() as conn:
        fresh = newest(conn, 9)
        projects = read.count_projects(conn, COUNTED)
    if projects == COUNTED:
        projects = _many.current(request.db, request.now)
    return request.page("public/home.html", fresh=fresh, projects=projects, index=request.settings.base + "simple/")
