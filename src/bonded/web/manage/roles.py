"""Who has a role in a project: the list, giving a role, taking one away."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import people
from bonded.catalog import change, read
from bonded.values.names import normalize
from bonded.values.states import Role
from bonded.web.forms import Form
from bonded.web.identity import actor
from bonded.web.manage.files import project_of
from bonded.web.notices import go
from bonded.web.request import Request

ROLES = tuple(role.value for role in Role)


def show(request: Request) -> Response:
    """The list, and the form to give a role."""
    return _page(request, Form(request), 200)


def add(request: Request) -> Response:
    """Give a person a role. Raises Refusal (wrong-state, sole-owner)."""
    form = Form(request)
    name, role = form.text("name", most=50), Role(form.choice("role", ROLES))
    with request.db.read() as conn:
        user = people.by_name(conn, name) if name else None
    if name and user is None:
        form.wrong("name", request.gettext("There is nobody of this name here."))
    if form.errors or user is None:
        return _page(request, form, 400)
    key = normalize(request.part("project"))
    with request.db.write() as tx:
        change.add_role(tx, actor(request), key, user.id, role, now=request.now)
    return go(request, f"/manage/project/{key}/people/", "role-added")


def remove(request: Request) -> Response:
    """Take a role away. Raises Refusal (no-such-role, sole-owner)."""
    form = Form(request)
    key = normalize(request.part("project"))
    role = Role(form.choice("role", ROLES))
    with request.db.write() as tx:
        change.remove_role(tx, actor(request), key, form.text("user", most=50), role, now=request.now)
    return go(request, f"/manage/project/{key}/people/", "role-removed")


def _page(request: Request, form: Form, status: int) -> Response:
    with request.db.read() as conn:
        project = project_of(conn, request)
        roles = read.roles(conn, project.id)
        names = people.names(conn, {user_id for user_id, _ in roles})
    return request.page(
        "manage/people.html", status=status, project=project, roles=roles, names=names, form=form, choices=ROLES
    )
