"""The search: a page of what was found, and suggestions while somebody types."""

from __future__ import annotations

import orjson
from pyramid.response import Response

from bonded.catalog.find import find
from bonded.values.strange import strange
from bonded.values.text import clean
from bonded.web.forms import whole
from bonded.web.request import Request

AT_ONCE = 20
SUGGESTED = 8


def show(request: Request) -> Response:
    """What is found for `?q=`, AT_ONCE on a page; `?page=` counts from 1. Raises Refusal (bad-form)."""
    asked = _asked(request)
    at = whole(request.params.get("page") or "1", least=1, most=1000)
    with request.db.read() as conn:
        found = find(conn, asked) if asked else []
    last = max(1, -(-len(found) // AT_ONCE))
    at = min(at, last)
    shown = found[(at - 1) * AT_ONCE : at * AT_ONCE]
    return request.page("public/search.html", text=asked, found=shown, count=len(found), at=at, last=last)


def suggest(request: Request) -> Response:
    """At most SUGGESTED projects for `?q=`, as JSON: [{"name", "summary", "url"}, ...]."""
    asked = _asked(request)
    with request.db.read() as conn:
        found = find(conn, asked, SUGGESTED) if asked else []
    body = [{"name": _shown(one.name), "summary": _shown(one.summary), "url": f"/project/{one.key}/"} for one in found]
    response = Response(body=orjson.dumps(body), content_type="application/json", charset="utf-8")
    response.headers["Cache-Control"] = "public, max-age=30"
    return response


def _asked(request: Request) -> str:
    return clean(request.params.get("q", ""))[:100].strip()


def _shown(text: str) -> str:
    """`text` with characters that a reader would not see for what they are written out."""
    return "".join(f"[U+{ord(char):04X}]" if strange(char) else char for char in text)
