"""One's open sessions: where, with what, since when; ending them."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import known_devices, sessions
from bonded.web.identity import actor, signed_in
from bonded.web.notices import go
from bonded.web.paging import page_by
from bonded.web.request import Request

AT_ONCE = 100


def show(request: Request) -> Response:
    """The lists, AT_ONCE of each on a page. Raises Refusal (bad-form)."""
    user, session = signed_in(request)
    with request.db.read() as conn:
        count = sessions.count_of_user(conn, user.id, now=request.now)
        page = page_by(request, count, AT_ONCE, lambda some: sessions.of_user(conn, user.id, some, now=request.now))
        known = known_devices.count_of_user(conn, user.id, now=request.now)
        devices = page_by(
            request,
            known,
            AT_ONCE,
            lambda some: known_devices.of_user(conn, user.id, some, now=request.now),
            "browsers",
        )
    return request.page(
        "account/sessions.html",
        page=page,
        several=count > 1,
        current=session.id,
        devices=devices,
        remembered={one.id for one in devices.shown if one.remembered(request.now)},
    )


def forget(request: Request) -> Response:
    """Forget a known browser. Raises Refusal (no-such-device), also for other people's."""
    user, _ = signed_in(request)
    with request.db.write() as tx:
        known_devices.forget(tx, actor(request), user.id, request.part("device"), now=request.now)
    return go(request, "/account/sessions/", "device-forgotten")


def end_others(request: Request) -> Response:
    """End all but this one."""
    user, session = signed_in(request)
    with request.db.write() as tx:
        sessions.end_others(tx, actor(request), user.id, keep=session.id, now=request.now)
    return go(request, "/account/sessions/", "sessions-ended")


def end(request: Request) -> Response:
    """End one of them. Raises Refusal (no-such-session), also for other people's."""
    user, _ = signed_in(request)
    with request.db.write() as tx:
        sessions.end_other(tx, actor(request), user.id, request.part("session"), now=request.now)
    return go(request, "/account/sessions/", "session-ended")
