"""What a browser is answered when a login went on: in, to the second step, or to the page that waits for the mailbox."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import arrival, second_step, unusual
from bonded.accounts.arrival import Arrived, Step
from bonded.accounts.factor_policy import has_device
from bonded.web import known
from bonded.web.factors_asked import device_demanded
from bonded.web.identity import set_session_cookie
from bonded.web.notices import go
from bonded.web.request import Request
from bonded.web.safe import quoted


def entered(request: Request, arrived: Arrived, target: str, notice: str = "logged-in") -> Response:
    """The redirect that follows, with the cookies of the new session and of the browser."""
    if arrived.step is Step.SECOND:
        response = go(request, f"/account/login/second/?next={quoted(target)}")
        set_session_cookie(request, response, arrived.opened, second_step.LASTS)
    elif arrived.step is Step.MAIL:
        unusual.send(
            request.db, request.house.counter, arrived.user, arrived.opened.session, again=False, now=request.now
        )
        response = go(request, f"/account/login/unusual/?next={quoted(target)}")
        set_session_cookie(request, response, arrived.opened, arrival.WAITS)
    else:
        if _lacks_device(request, arrived):
            target, notice = f"/account/factors/?next={quoted(target)}", "device-at-login"
        response = go(request, target, notice)
        set_session_cookie(request, response, arrived.opened, request.settings.session_lifetime)
        known.keep(request, response, arrived.device)
    return response


def _lacks_device(request: Request, arrived: Arrived) -> bool:
    """Whether somebody of a critical project, who must log in with a security device, has none: they add one first."""
    with request.db.read() as conn:
        return device_demanded(conn, arrived.user.id) and not has_device(conn, arrived.user.id)
