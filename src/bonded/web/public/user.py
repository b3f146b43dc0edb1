"""The public page of a person: their name and the public projects in which they have a role."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import people
from bonded.catalog import find, of_person
from bonded.web.forms import whole
from bonded.web.request import Request, found


def show(request: Request) -> Response:
    """Name and projects, a page of them at a time. Raises Refusal (not-found, bad-form)."""
    name = request.part("name")
    at = whole(request.params.get("page") or "1", least=1, most=100_000)
    with request.db.read() as conn:
        user = found(people.by_name(conn, name), f"There is nobody called {name[:60]} here.")
        keys, count = of_person.known(conn, user.id, at=at)
        projects = find.several(conn, keys)
    last = max(1, -(-count // of_person.AT_ONCE))
    return request.page("public/user.html", user=user, projects=projects, count=count, at=min(at, last), last=last)
