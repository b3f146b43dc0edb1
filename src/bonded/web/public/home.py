"""The front page: what this index is, how to use it, what is new."""

from __future__ import annotations

from pyramid.response import Response

from bonded.catalog import read
from bonded.web.public.lists import newest
from bonded.web.request import Request


def show(request: Request) -> Response:
    """The front page."""
    with request.db.read() as conn:
        fresh = newest(conn, 9)
        projects = read.count_projects(conn)
    return request.page("public/home.html", fresh=fresh, projects=projects, index=request.settings.base + "simple/")
