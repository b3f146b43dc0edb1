"""Finding projects by a part of their name."""

from __future__ import annotations

from pyramid.response import Response

from bonded.values.text import clean
from bonded.web.public.lists import SHOWN, matching
from bonded.web.request import Request


def show(request: Request) -> Response:
    """What matches `?q=`."""
    text = clean(request.params.get("q", ""))[:100].strip()
    with request.db.read() as conn:
        found = matching(conn, text)
    return request.page("public/search.html", text=text, found=found, most=SHOWN)
