"""Style sheet, script and pictures of our own, under addresses that change with their bytes; compressed where asked."""

from __future__ import annotations

import gzip
from functools import lru_cache
from importlib.resources import files

from pyramid.response import Response

from bonded.values.refusals import Refusal
from bonded.web.refusals import NOT_FOUND
from bonded.web.render import static_digest
from bonded.web.request import Request

TYPES = {
    "bonded.css": "text/css",
    "bonded.js": "text/javascript",
    "devices.js": "text/javascript",
    "rosette.svg": "image/svg+xml",
    "seal.svg": "image/svg+xml",
    "style.css": "text/css",
}


def show(request: Request) -> Response:
    """One file of `static/`. Raises Refusal (not-found) for any other name or digest."""
    name = request.part("name")
    if name not in TYPES or request.part("digest") != static_digest(name):
        raise Refusal(NOT_FOUND, "There is nothing at this address.")
    packed = "gzip" in [offer for offer, _ in request.accept_encoding.acceptable_offers(["gzip"])]
    response = Response(body=body(name, packed=packed), content_type=TYPES[name], charset="utf-8")
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@lru_cache(maxsize=32)
def body(name: str, *, packed: bool) -> bytes:
    """The bytes of one file of `static/`, as they are or by gzip."""
    plain = (files("bonded.web") / "static" / name).read_bytes()
    return gzip.compress(plain, 9, mtime=0) if packed else plain
