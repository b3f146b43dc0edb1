"""Files that wait for a second owner, and whether a project's releases need one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pyramid.response import Response

from bonded.accounts import people
from bonded.catalog import change_two_owners, two_owners
from bonded.db.engine import Tx
from bonded.review.cases import close_if_settled
from bonded.values.names import normalize
from bonded.values.who import Actor
from bonded.web.forms import Form
from bonded.web.identity import actor
from bonded.web.manage.files import file_of, project_of
from bonded.web.notices import go
from bonded.web.paging import page_by
from bonded.web.request import Request

AT_ONCE = 50


def show(request: Request) -> Response:
    """What waits, AT_ONCE files on a page, and how the project stands. Raises Refusal (bad-form)."""
    with request.db.read() as conn:
        project = project_of(conn, request)
        dual = two_owners.dual(conn, project.id)
        count = change_two_owners.count_waiting(conn, project)
        waiting = page_by(request, count, AT_ONCE, lambda some: change_two_owners.waiting(conn, project, some))
        consents = two_owners.consents(conn, [one.id for one in waiting.shown])
        ids = {one.uploader_id for one in waiting.shown} | ({dual.end_asked_by} if dual.end_asked_by else set())
        names = people.names(conn, ids)
    return request.page(
        "manage/approvals.html", project=project, dual=dual, waiting=waiting, consents=consents, names=names
    )


def approve(request: Request) -> Response:
    """Approve a file. Raises Refusal (no-such-file, wrong-state, own-upload, owner-too-new, no-second-owner-asked)."""
    with request.db.write() as tx:
        file = file_of(tx, request)
        public = change_two_owners.approve(tx, actor(request), file.id, now=request.now)
    return go(request, _page(file.project_key), "approved" if public else "approved-waits")


def decline(request: Request) -> Response:
    """Decline a file with a reason. Raises Refusal as `approve` does, and reason-needed."""
    reason = Form(request).words("reason")
    with request.db.write() as tx:
        file = file_of(tx, request)
        change_two_owners.decline(tx, actor(request), file.id, reason=reason, now=request.now)
        if file.case_id is not None:
            close_if_settled(tx, file.case_id, now=request.now)
    return go(request, _page(file.project_key), "declined")


def start(request: Request) -> Response:
    """Have each release approved by a second owner. Raises Refusal (two-owners-needed, wrong-state)."""
    return _turn(request, lambda tx, who, key, now: change_two_owners.start(tx, who, key, now=now), "dual-started")


def ask_end(request: Request) -> Response:
    """Ask the other owners to end it. Raises Refusal (no-second-owner-asked, wrong-state)."""
    return _turn(request, lambda tx, who, key, now: change_two_owners.ask_end(tx, who, key, now=now), "dual-asked")


def keep(request: Request) -> Response:
    """Take that back, or refuse it. Raises Refusal (wrong-state)."""
    return _turn(request, lambda tx, who, key, now: change_two_owners.keep(tx, who, key, now=now), "dual-kept")


def end(request: Request) -> Response:
    """Agree to end it. Raises Refusal (own-upload, owner-too-new, wrong-state)."""
    return _turn(request, lambda tx, who, key, now: change_two_owners.end(tx, who, key, now=now), "dual-ended")


def _turn(request: Request, act: Callable[[Tx, Actor, str, datetime], None], notice: str) -> Response:
    key = normalize(request.part("project"))
    with request.db.write() as tx:
        act(tx, actor(request), key, request.now)
    return go(request, _page(key), notice)


def _page(key: str) -> str:
    return f"/manage/project/{key}/approvals/"
