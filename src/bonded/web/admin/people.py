"""People: looking somebody up by name, their projects and tokens, freezing and unfreezing."""

from __future__ import annotations

from collections.abc import Callable

from pyramid.response import Response

from bonded.accounts import people, tokens
from bonded.accounts.people import User
from bonded.catalog import read
from bonded.web.admin.people_list import newest
from bonded.web.forms import Form
from bonded.web.history import latest_about
from bonded.web.identity import actor
from bonded.web.notices import go
from bonded.web.paging import page_by
from bonded.web.request import Request, found
from bonded.web.safe import quoted

AT_ONCE = 100
"""Accounts, or projects or tokens of one person, on a page."""


def show(request: Request) -> Response:
    """One person by `?name=`, or the newest accounts. Raises Refusal (bad-form)."""
    name = (request.params.get("name") or "").strip()[:50]
    if not name:
        with request.db.read() as conn:
            return request.page("admin/people.html", name="", users=newest(conn, AT_ONCE), user=None)
    with request.db.read() as conn:
        user = found(people.by_name(conn, name), f"There is nobody called {name} here.")
        count = read.count_projects_of(conn, user.id)
        projects = page_by(request, count, AT_ONCE, lambda some: read.projects_of(conn, user.id, some))
        count = tokens.count_kept(conn, user.id, live_at=request.now)
        live = page_by(
            request, count, AT_ONCE, lambda some: tokens.kept(conn, user.id, some, live_at=request.now), "tokens"
        )
    return request.page(
        "admin/people.html",
        name=name,
        users=[],
        user=user,
        projects=projects,
        tokens=live,
        page=latest_about(request, user.id),
    )


def freeze(request: Request) -> Response:
    """Freeze an account. Raises Refusal (reason-needed, no-such-user, same-account-state)."""
    return _turn(request, people.freeze, "frozen")


def unfreeze(request: Request) -> Response:
    """Unfreeze an account. Raises Refusal (reason-needed, no-such-user, same-account-state)."""
    return _turn(request, people.unfreeze, "unfrozen")


def _turn(request: Request, act: Callable[..., None], notice: str) -> Response:
    reason = Form(request).words("reason")
    with request.db.write() as tx:
        user: User = found(people.by_id(tx, request.part("user")), "There is no such account.")
        act(tx, actor(request), user.id, reason=reason, now=request.now)
    return go(request, f"/admin/people/?name={quoted(user.name)}", notice)
