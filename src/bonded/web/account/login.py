"""Logging in and out."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import devices, login, passkeys, second_step, sessions
from bonded.values.refusals import Refusal
from bonded.web.forms import Form
from bonded.web.headers import with_script
from bonded.web.identity import actor, drop_session_cookie, set_session_cookie, signed_in
from bonded.web.notices import go
from bonded.web.request import Request
from bonded.web.safe import local_path, quoted


def show(request: Request) -> Response:
    """The form; who is logged in already goes on."""
    target = local_path(request.params.get("next", ""), "/account/")
    if request.visitor.user:
        return go(request, target)
    return form_page(request, Form(request), target, 200)


def enter(request: Request) -> Response:
    """Log in: a new session under a new secret, then on to `next`."""
    form = Form(request)
    target = local_path(form.text("next", most=2000, required=False), "/account/")
    name, password = form.text("name", most=100), form.secret("password")
    if form.errors:
        return form_page(request, form, target, 400)
    try:
        done = _login(request, name, password)
    except Refusal as refusal:
        form.wrong("", request.gettext(refusal.kind.title))
        response = form_page(request, form, target, refusal.status)
        if refusal.retry_after is not None:
            response.headers["Retry-After"] = str(refusal.retry_after)
        return response
    if done.waiting:
        response = go(request, f"/account/login/second/?next={quoted(target)}")
        set_session_cookie(request, response, done.opened, second_step.LASTS)
        return response
    response = go(request, target, "logged-in")
    set_session_cookie(request, response, done.opened, request.settings.session_lifetime)
    return response


def leave(request: Request) -> Response:
    """End the session."""
    _, session = signed_in(request)
    with request.db.write() as tx:
        sessions.end(tx, actor(request), session, now=request.now)
    response = go(request, "/", "logged-out")
    drop_session_cookie(request, response)
    return response


def _login(request: Request, name: str, password: str) -> login.LoggedIn:
    return login.login(
        request.db,
        request.house.counter,
        name,
        password,
        ip=request.ip,
        agent=request.agent,
        old_secret=request.cookies.get(request.settings.cookie) or None,
        limits=request.settings.login_limits,
        lifetime=request.settings.session_lifetime,
        now=request.now,
    )


def form_page(request: Request, form: Form, target: str, status: int) -> Response:
    """The form, which offers passkeys as well."""
    # 401 would make a browser ask for HTTP credentials only with WWW-Authenticate, which we do not send here.
    options = devices.authentication(
        request.settings.site,
        (),
        challenge=passkeys.challenge(request.house.sealer, request.visitor.csrf, now=request.now),
    )
    return with_script(request.page("account/login.html", status=status, form=form, next_path=target, options=options))
