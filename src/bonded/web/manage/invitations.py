"""Inviting to a role, taking an invitation back, and giving one's own role up."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import people
from bonded.catalog import change, invitations
from bonded.values.names import normalize
from bonded.values.states import Role
from bonded.web.forms import Form
from bonded.web.identity import actor, signed_in
from bonded.web.manage import roles
from bonded.web.notices import go
from bonded.web.request import Request


def invite(request: Request) -> Response:
    """Invite somebody by name. Raises Refusal (wrong-state, invited-already, too-many-invitations, invited-often)."""
    form = Form(request)
    name, role = form.text("name", most=50), Role(form.choice("role", roles.ROLES))
    with request.db.read() as conn:
        user = people.by_name(conn, name) if name else None
    if name and (user is None or not user.active):
        form.wrong("name", request.gettext("There is nobody of this name here."))
    if form.errors or user is None:
        return roles.page(request, form, 400)
    key = normalize(request.part("project"))
    with request.db.write() as tx:
        invitations.invite(tx, actor(request), key, user.id, role, now=request.now)
    return go(request, f"/manage/project/{key}/people/", "invited")


def revoke(request: Request) -> Response:
    """Take an invitation back. Raises Refusal (no-such-invitation, invitation-over)."""
    key = normalize(request.part("project"))
    with request.db.write() as tx:
        invitations.revoke(tx, actor(request), key, request.part("invitation"), now=request.now)
    return go(request, f"/manage/project/{key}/people/", "invitation-revoked")


def leave(request: Request) -> Response:
    """Give one's role up. Raises Refusal (no-such-role, sole-owner, two-owners-needed)."""
    user, _ = signed_in(request)
    key = normalize(request.part("project"))
    with request.db.write() as tx:
        change.leave(tx, actor(request), key, user.id, now=request.now)
    return go(request, "/account/", "left")
