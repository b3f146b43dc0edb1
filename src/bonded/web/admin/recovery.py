"""Requests of those who lost all second factors: the list with its deadlines, the evidence, agreeing and refusing."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import people, recovery_deciding, recovery_request, tokens
from bonded.catalog import read
from bonded.catalog.repositories import linked_repositories
from bonded.web.forms import Form, whole
from bonded.web.history import latest_about
from bonded.web.identity import actor
from bonded.web.notices import go
from bonded.web.paging import page_by
from bonded.web.request import Request, found

AT_ONCE = 100
"""Projects on a page."""


def show(request: Request) -> Response:
    """All that is under way, what waits for administrators first."""
    with request.db.read() as conn:
        waiting = recovery_request.open_ones(conn)
        names = people.names(conn, {one.user_id for one in waiting})
    return request.page("admin/recoveries.html", waiting=waiting, names=names, now=request.now)


def show_one(request: Request) -> Response:
    """One request with its evidence. Raises Refusal (not-found, bad-form)."""
    with request.db.read() as conn:
        one = found(recovery_request.find(conn, _number(request)), "There is no such request.")
        user = found(people.by_id(conn, one.user_id), "There is no such account.")
        names = people.names(conn, {one.first_by} if one.first_by else set())
        token = tokens.by_id(conn, one.token_id) if one.token_id else None
        count = read.count_projects_of(conn, user.id)
        projects = page_by(request, count, AT_ONCE, lambda some: read.projects_of(conn, user.id, some))
        linked = linked_repositories(conn, user.id)
    page = latest_about(request, user.id)
    return request.page(
        "admin/recovery.html",
        one=one,
        user=user,
        names=names,
        token=token,
        projects=projects,
        linked=linked,
        page=page,
        now=request.now,
    )


def agree(request: Request) -> Response:
    """Agree to it. Raises Refusal (recovery-early, recovery-over, other-administrator, account-reason-needed)."""
    reason = Form(request).words("reason", most=2000)
    with request.db.write() as tx:
        done = recovery_deciding.agree(tx, actor(request), _number(request), reason=reason, now=request.now)
    return go(request, "/admin/recovery/", "recovery-done" if done else "recovery-agreed")


def refuse(request: Request) -> Response:
    """Refuse it. Raises Refusal (recovery-over, account-reason-needed)."""
    reason = Form(request).words("reason", most=2000)
    with request.db.write() as tx:
        recovery_deciding.refuse(tx, actor(request), _number(request), reason=reason, now=request.now)
    return go(request, "/admin/recovery/", "recovery-refused")


def _number(request: Request) -> int:
    return whole(request.part("request"), least=1)
