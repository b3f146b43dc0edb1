"""The state of signing: roles with their expiry, the newest publications, what waits, what alarms."""

from __future__ import annotations

from pyramid.response import Response

from bonded.tuf.status import status
from bonded.web.request import Request


def show(request: Request) -> Response:
    """The page."""
    return request.page(
        "admin/publications.html", signing=status(request.db, request.house.public, request.now), now=request.now
    )
