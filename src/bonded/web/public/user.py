"""The public page of a person: their name and the public projects in which they have a role."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import people
from bonded.catalog import find, of_person
from bonded.web.paging import place
from bonded.web.request import Request, found


def show(request: Request) -> Response:
    """Name and projects, a page of them at a time. Raises Refusal (not-found, bad-form)."""
    name = request.part("name")
    with request.db.read() as conn:
        user = found(people.by_name(conn, name), f"There is nobody called {name[:60]} here.")
        count = of_person.count_known(conn, user.id)
        at, last = place(request, count, of_person.AT_ONCE)
        projects = find.several(conn, of_person.known(conn, user.id, at=at))
    return request.page("public/user.html", user=user, projects=projects, count=count, at=at, last=last)
