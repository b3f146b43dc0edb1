"""The stylesheet and the seal, under addresses that change with their bytes."""

from __future__ import annotations

from importlib.resources import files

from pyramid.response import Response

from bonded.values.refusals import Refusal
from bonded.web.refusals import NOT_FOUND
from bonded.web.render import static_digest
from bonded.web.request import Request

TYPES = {"bonded.css": "text/css", "devices.js": "text/javascript", "seal.svg": "image/svg+xml"}


def show(request: Request) -> Response:
    """One file of `static/`. Raises Refusal (not-found) for any other name or digest."""
    name = request.part("name")
    if name not in TYPES or request.part("digest") != static_digest(name):
        raise Refusal(NOT_FOUND, "There is nothing at this address.")
    body = (files("bonded.web") / "static" / name).read_bytes()
    response = Response(body=body, content_type=TYPES[name], charset="utf-8")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
