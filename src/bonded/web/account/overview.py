"""One's own account: projects with what waits in them, and one's history from the journal."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import recovery_request
from bonded.accounts.not_me import shut_out
from bonded.catalog import invitations, read
from bonded.web.history import history_page, of_user
from bonded.web.history_export import exported
from bonded.web.history_filter import chosen_of, narrowed
from bonded.web.identity import actor, signed_in
from bonded.web.notices import go
from bonded.web.request import Request


def show(request: Request) -> Response:
    """The account's first page."""
    user, _ = signed_in(request)
    with request.db.read() as conn:
        mine = [(project, role) for project, role in read.projects_of(conn, user.id) if not project.deleted]
        pending = {
            project.key: [file for file in read.files(conn, project.id) if file.state in ("received", "held")]
            for project, _ in mine
        }
        invited = len(invitations.of_user(conn, user.id, now=request.now))
        recovery = recovery_request.open_of(conn, user.id)
    return request.page(
        "account/overview.html", user=user, projects=mine, pending=pending, invited=invited, recovery=recovery
    )


def not_me(request: Request) -> Response:
    """Shut out whoever else uses the account, then on to a new password."""
    user, session = signed_in(request)
    with request.db.write() as tx:
        shut_out(tx, actor(request), user.id, keep_session=session.id, about=None, now=request.now)
    return go(request, "/account/password/", "shut-out")


def export(request: Request) -> Response:
    """The same as CSV or JSON. Raises Refusal (bad-form, not-found)."""
    user, _ = signed_in(request)
    with request.db.read() as conn:
        by = narrowed(conn, chosen_of(request.GET))
    return exported(request, of_user(user.id), by, request.GET.get("format", "json"))


def history(request: Request) -> Response:
    """What the journal says about this person. Raises Refusal (bad-form, not-found)."""
    user, _ = signed_in(request)
    return history_page(request, "account/history.html", of_user(user.id), named=True)
