"""A login from a new place: the page that waits for the mailbox, and the link that lets the person in."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import unusual
from bonded.values.refusals import Refusal
from bonded.web.account.entering import entered
from bonded.web.forms import Form
from bonded.web.known import browser_of
from bonded.web.notices import go
from bonded.web.request import Request
from bonded.web.safe import local_path, quoted
from bonded.web.words import masked


def show(request: Request) -> Response:
    """What the person has to do now. Raises Refusal (login-over)."""
    return _page(request, Form(request), 200)


def send_again(request: Request) -> Response:
    """Have another link sent. Raises Refusal (login-over)."""
    form = Form(request)
    found = unusual.waiting(request.db, _cookie(request), now=request.now)
    try:
        unusual.send_again(request.db, request.house.counter, found, now=request.now)
    except Refusal as refusal:
        form.wrong("", f"{request.gettext(refusal.kind.title)}: {request.gettext(refusal.kind.help)}")
        response = _page(request, form, refusal.status)
        response.headers["Retry-After"] = str(refusal.retry_after)
        return response
    return go(request, f"/account/login/unusual/?next={quoted(_target(request))}", "login-link-sent")


def show_link(request: Request) -> Response:
    """The button behind the link: looking does not use it up. Raises Refusal for a link that is not good, or not here."""
    found = unusual.look(request.db, request.part("secret"), _cookie(request), browser_of(request), now=request.now)
    return request.page("account/confirm-login.html", user=found.user)


def use_link(request: Request) -> Response:
    """In. Raises Refusal for a link that is not good, or not here."""
    arrived = unusual.confirm(
        request.db,
        request.part("secret"),
        _cookie(request),
        browser_of(request),
        lifetime=request.settings.session_lifetime,
        now=request.now,
    )
    return entered(request, arrived, "/account/")


def _page(request: Request, form: Form, status: int) -> Response:
    found = unusual.waiting(request.db, _cookie(request), now=request.now)
    return request.page(
        "account/unusual.html", status=status, form=form, mailbox=masked(found.user.email), next_path=_target(request)
    )


def _cookie(request: Request) -> str:
    return str(request.cookies.get(request.settings.cookie, ""))


def _target(request: Request) -> str:
    return local_path(request.params.get("next", ""), "/account/")
