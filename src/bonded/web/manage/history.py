"""A project's history from the journal: who did what, when, and since when clients could see it."""

from __future__ import annotations

from pyramid.response import Response

from bonded.values.names import normalize
from bonded.web.history import history_page
from bonded.web.manage.files import project_of
from bonded.web.request import Request


def show(request: Request) -> Response:
    """The project's rows, newest first."""
    with request.db.read() as conn:
        project = project_of(conn, request)
    return history_page(request, "manage/history.html", about_project=normalize(project.key), project=project)
