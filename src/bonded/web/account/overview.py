"""One's own account: projects with what waits in them, and one's history from the journal."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import recovery_request
from bonded.accounts.not_me import shut_out
from bonded.catalog import invitations, of_person
from bonded.values.text import clean
from bonded.web.history import history_page, of_user
from bonded.web.history_export import exported
from bonded.web.history_filter import chosen_of, narrowed
from bonded.web.identity import actor, signed_in
from bonded.web.notices import go
from bonded.web.paging import place
from bonded.web.request import Request


def show(request: Request) -> Response:
    """The account's first page: projects, those with `?name=` in their name, a page of them at a time. Raises Refusal (bad-form)."""
    user, _ = signed_in(request)
    asked = clean(request.params.get("name", ""))[:100].strip()
    with request.db.read() as conn:
        at, last = place(request, of_person.count(conn, user.id, asked), of_person.AT_ONCE)
        mine = of_person.some(conn, user.id, asked, at=at)
        pending = of_person.waiting(conn, [project for project, _ in mine])
        invited = invitations.count_of_user(conn, user.id, now=request.now)
        recovery = recovery_request.open_of(conn, user.id)
    return request.page(
        "account/overview.html", user=user, projects=mine, pending=pending, invited=invited, recovery=recovery,
        asked=asked, at=at, last=last,
    )  # fmt: skip


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
