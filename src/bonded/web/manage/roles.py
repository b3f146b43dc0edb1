"""Who has a role in a project: the list, changing a role, taking one away. New people are invited: see `invitations`."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import people
from bonded.catalog import change, invitations, read
from bonded.catalog.rules import NO_SUCH_ROLE
from bonded.values.names import normalize
from bonded.values.refusals import Refusal
from bonded.values.states import Role
from bonded.web.forms import Form
from bonded.web.identity import actor
from bonded.web.manage.files import project_of
from bonded.web.notices import go
from bonded.web.paging import page_by
from bonded.web.request import Request

ROLES = tuple(role.value for role in Role)
AT_ONCE = 100


def show(request: Request) -> Response:
    """The list, with who is invited, and the form to invite."""
    return page(request, Form(request), 200)


def change_role(request: Request) -> Response:
    """Give somebody who has a role another one. Raises Refusal (no-such-role, wrong-state, sole-owner, two-owners-needed)."""
    form = Form(request)
    key, user_id = normalize(request.part("project")), form.text("user", most=50)
    role = Role(form.choice("role", ROLES))
    with request.db.write() as tx:
        if read.role_in(tx, user_id, key) is None:
            raise Refusal(NO_SUCH_ROLE, "this person has no role here: invite them instead")
        change.add_role(tx, actor(request), key, user_id, role, now=request.now)
    return go(request, f"/manage/project/{key}/people/", "role-added")


def remove(request: Request) -> Response:
    """Take a role away. Raises Refusal (no-such-role, sole-owner, two-owners-needed)."""
    form = Form(request)
    key = normalize(request.part("project"))
    role = Role(form.choice("role", ROLES))
    with request.db.write() as tx:
        change.remove_role(tx, actor(request), key, form.text("user", most=50), role, now=request.now)
    return go(request, f"/manage/project/{key}/people/", "role-removed")


def page(request: Request, form: Form, status: int) -> Response:
    """The page of a project's people."""
    with request.db.read() as conn:
        project = project_of(conn, request)
        count = read.count_roles(conn, project.id)
        roles = page_by(request, count, AT_ONCE, lambda some: read.roles(conn, project.id, some))
        invited = invitations.of_project(conn, project.id, now=request.now)
        names = people.names(conn, {user_id for user_id, _ in roles.shown} | {one.user_id for one in invited})
        own = request.visitor.user.id if request.visitor.user else ""
        is_owner = read.role_in(conn, own, project.key) is Role.OWNER
    return request.page(
        "manage/people.html",
        status=status,
        project=project,
        roles=roles,
        names=names,
        invited=invited,
        form=form,
        choices=ROLES,
        own=own,
        is_owner=is_owner,
    )
