"""Answering invitations: by the link of the mail, or on one's own page."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import people
from bonded.accounts.permits import LOGIN_REQUIRED
from bonded.catalog import invitations
from bonded.values.refusals import Refusal
from bonded.web.identity import actor, signed_in
from bonded.web.notices import go
from bonded.web.paging import page_by
from bonded.web.request import Request

AT_ONCE = 50


def show(request: Request) -> Response:
    """What waits for an answer of this person."""
    user, _ = signed_in(request)
    with request.db.read() as conn:
        count = invitations.count_of_user(conn, user.id, now=request.now)
        waiting = page_by(
            request, count, AT_ONCE, lambda some: invitations.of_user(conn, user.id, some, now=request.now)
        )
        names = people.names(conn, {one.invited_by for one in waiting.shown})
    return request.page("account/invitations.html", waiting=waiting, names=names)


def show_link(request: Request) -> Response:
    """The invitation of a link. Looking changes nothing, and nobody is asked for a password here. Raises Refusal."""
    with request.db.read() as conn:
        one = invitations.by_secret(conn, request.part("secret"), now=request.now)
        names = people.names(conn, {one.invited_by, one.user_id})
    mine = request.visitor.user is not None and request.visitor.user.id == one.user_id
    return request.page("account/invitation.html", one=one, names=names, mine=mine)


def decline_link(request: Request) -> Response:
    """Decline by the link. Raises Refusal (no-such-invitation, invitation-over)."""
    with request.db.write() as tx:
        one = invitations.by_secret(tx, request.part("secret"), now=request.now)
        invitations.decline(tx, actor(request), one.id, user_id=None, now=request.now)
    return go(request, "/", "invitation-declined")


def accept(request: Request) -> Response:
    """Take the role. Raises Refusal (no-such-invitation, invitation-over)."""
    user, _ = signed_in(request)
    with request.db.write() as tx:
        one = invitations.accept(tx, actor(request), request.part("invitation"), user.id, now=request.now)
    return go(request, f"/manage/project/{one.project_key}/", "invitation-accepted")


def decline(request: Request) -> Response:
    """Decline on one's own page. Raises Refusal (login-required, no-such-invitation, invitation-over)."""
    user = request.visitor.user
    if user is None:
        raise Refusal(LOGIN_REQUIRED, "log in to decline an invitation, or use the link of its mail")
    with request.db.write() as tx:
        invitations.decline(tx, actor(request), request.part("invitation"), user_id=user.id, now=request.now)
    return go(request, "/account/invitations/", "invitation-declined")
