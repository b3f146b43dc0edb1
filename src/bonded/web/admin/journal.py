"""The journal as administrators read it: every row, filtered, with the private data that has not expired."""

from __future__ import annotations

from pyramid.response import Response

from bonded.web.history import history_page
from bonded.web.request import Request


def show(request: Request) -> Response:
    """Rows, newest first, by action, person, project."""
    return history_page(request, "admin/journal.html")
