"""The host of its own for files (setting `content_url`): no page, no form and no session there, so nothing that an uploader
wrote shares an origin with somebody who is logged in. The public store is answered before any page (`serve`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.response import Response

from bonded.web.request import Request


def only_files(handler: Callable[[Request], Response], _registry: Any) -> Callable[[Request], Response]:
    """The tween: on that host a page is where `url` has it, and everything else is misdirected (RFC 9110, 15.5.20)."""

    def tween(request: Request) -> Response:
        host = request.settings.files_host
        if not host or request.domain.lower() != host:
            return handler(request)
        if request.method in ("GET", "HEAD"):
            place = _elsewhere(request)
            text, status = f"The pages of this index are at {place}\n", 301
            return Response(text, status, location=place, content_type="text/plain", charset="utf-8")
        text = f"This host has files only: the index is at {request.settings.base}\n"
        return Response(text, "421 This host has files only", content_type="text/plain", charset="utf-8")

    return tween


def _elsewhere(request: Request) -> str:
    """The same path where pages are; the first page for a path that is no text."""
    try:
        return str(request.settings.base + request.path_qs.lstrip("/"))
    except UnicodeDecodeError:
        return request.settings.base
