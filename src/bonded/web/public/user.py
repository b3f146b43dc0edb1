"""The public page of a person: their name and the public projects in which they have a role."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import people
from bonded.catalog import find, read
from bonded.web.request import Request, found


def show(request: Request) -> Response:
    """Name and projects. Raises Refusal (not-found)."""
    name = request.part("name")
    with request.db.read() as conn:
        user = found(people.by_name(conn, name), f"There is nobody called {name[:60]} here.")
        projects = find.several(conn, {project.key for project, _ in read.projects_of(conn, user.id)})
    return request.page("public/user.html", user=user, projects=projects)
