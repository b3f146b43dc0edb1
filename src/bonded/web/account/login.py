"""Logging in and out."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import challenges, devices, login, registration, sessions
from bonded.accounts.arrival import Arrived
from bonded.accounts.challenges import Purpose
from bonded.accounts.registration_rules import Mode
from bonded.values.refusals import Refusal
from bonded.web.account.entering import entered
from bonded.web.forms import Form
from bonded.web.headers import with_script
from bonded.web.identity import actor, drop_session_cookie, signed_in
from bonded.web.known import browser_of
from bonded.web.notices import go
from bonded.web.request import Request
from bonded.web.safe import local_path


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
        if refusal.code == registration.UNCONFIRMED:
            return _unconfirmed(request, name)
        form.wrong("", _said(request, refusal))
        response = form_page(request, form, target, refusal.status)
        if refusal.retry_after is not None:
            response.headers["Retry-After"] = str(refusal.retry_after)
        return response
    return entered(request, done, target)


def leave(request: Request) -> Response:
    """End the session."""
    _, session = signed_in(request)
    with request.db.write() as tx:
        sessions.end(tx, actor(request), session, now=request.now)
    response = go(request, "/", "logged-out")
    drop_session_cookie(request, response)
    return response


def _login(request: Request, name: str, password: str) -> Arrived:
    return login.login(
        request.db,
        request.house.counter,
        name,
        password,
        browser=browser_of(request),
        old_secret=request.cookies.get(request.settings.cookie) or None,
        limits=request.settings.login_limits,
        lifetime=request.settings.session_lifetime,
        now=request.now,
        ask_mail=request.settings.ask_mail,
        ranges=request.house.ranges,
    )


def _said(request: Request, refusal: Refusal) -> str:
    """A title says enough of a wrong password; of the rest people need to know what to do."""
    title = request.gettext(refusal.kind.title)
    return title if refusal.code == login.LOGIN_FAILED else f"{title}: {request.gettext(refusal.kind.help)}"


def _unconfirmed(request: Request, name: str) -> Response:
    """Who knows the password of a registration that waits goes to its page, which sends the link again."""
    with request.db.read() as conn:
        waits = registration.pending(conn, name, now=request.now)
    return go(request, f"/account/register/{waits.id}/" if waits else "/account/register/")


def form_page(request: Request, form: Form, target: str, status: int) -> Response:
    """The form, which offers passkeys as well."""
    # 401 would make a browser ask for HTTP credentials only with WWW-Authenticate, which we do not send here.
    options = devices.authentication(
        request.settings.site,
        (),
        challenges.make(request.house.sealer, Purpose.PASSKEY, request.visitor.csrf, now=request.now),
    )
    page = request.page(
        "account/login.html",
        status=status,
        form=form,
        next_path=target,
        options=options,
        may_register=request.settings.registration.mode is Mode.OPEN,
    )
    return with_script(page)
