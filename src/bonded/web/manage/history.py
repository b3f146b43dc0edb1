"""A project's history from the journal: who did what, when, by which credential, and since when clients could see it.

Removed members' acts are in it, and it outlives the project: owners of a deleted project read on.
"""

from __future__ import annotations

from pyramid.response import Response

from bonded.web.history import history_page, of_project
from bonded.web.history_export import exported
from bonded.web.history_filter import chosen_of, narrowed
from bonded.web.manage.files import project_of
from bonded.web.request import Request


def show(request: Request) -> Response:
    """The project's rows, newest first. Raises Refusal (bad-form, not-found)."""
    with request.db.read() as conn:
        project = project_of(conn, request)
    return history_page(request, "manage/history.html", of_project(project.key), project=project)


def export(request: Request) -> Response:
    """The same as CSV or JSON. Raises Refusal (bad-form, not-found)."""
    with request.db.read() as conn:
        project = project_of(conn, request)
        by = narrowed(conn, chosen_of(request.GET))
    return exported(request, of_project(project.key), by, request.GET.get("format", "json"))
