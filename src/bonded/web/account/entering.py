"""What a browser is answered when a login went on: in, to the second step, or to the page that waits for the mailbox."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import arrival, second_step, unusual
from bonded.accounts.arrival import Arrived, Step
from bonded.web import known
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
        response = go(request, target, notice)
        set_session_cookie(request, response, arrived.opened, request.settings.session_lifetime)
        known.keep(request, response, arrived.device)
    return response
