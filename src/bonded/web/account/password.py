"""Setting a password by a one-time link, and changing it."""

from __future__ import annotations

from collections.abc import Callable

from pyramid.response import Response

from bonded.accounts import breached, known_devices, passwords, reset
from bonded.accounts.login_limits import limit, limit_network
from bonded.values.refusals import Refusal
from bonded.web.forms import Form
from bonded.web.identity import actor, signed_in
from bonded.web.known import browser_of, keep
from bonded.web.notices import go
from bonded.web.request import Request


def show_link(request: Request) -> Response:
    """The form behind a link. Looking does not use the link up: scanners of mails open links too."""
    return _link_form(request, Form(request), 200)


def use_link(request: Request) -> Response:
    """Set the password, using the link up. Raises Refusal for a link that is not good (any more)."""
    form = Form(request)
    password, user_ids = _new(request, form), list[str]()
    if not form.errors:
        secret, ip, agent, ranges = request.part("secret"), request.ip, request.agent, request.house.ranges

        def act() -> None:
            user_ids.append(
                passwords.set_by_link(request.db, secret, password, ip=ip, agent=agent, now=request.now, ranges=ranges)
            )

        _try(request, form, act)
    if form.errors:
        return _link_form(request, form, 400)
    response = go(request, "/account/login/", "password-set")
    with request.db.write() as tx:  # whoever had the link needs not be asked by mail once more
        keep(
            request, response, known_devices.note(tx, user_ids[0], browser_of(request), remember=False, now=request.now)
        )
    return response


def show_forgotten(request: Request) -> Response:
    """The form of somebody who forgot theirs."""
    return request.page("account/forgotten.html", form=Form(request), asked=False)


def forgotten(request: Request) -> Response:
    """Have a link sent. The answer is the same whether anybody is known by that name or address. Raises Refusal."""
    form = Form(request)
    typed = form.text("name", most=254)
    if form.errors:
        return request.page("account/forgotten.html", status=400, form=form, asked=False)
    limit_network(request.house.counter, request.ip, request.settings.login_limits, request.now)
    reset.ask(request.db, request.house.counter, actor(request), typed, now=request.now)
    return request.page("account/forgotten.html", form=form, asked=True)


def show_change(request: Request) -> Response:
    """The form to change one's password."""
    return request.page("account/password.html", form=Form(request))


def change(request: Request) -> Response:
    """Change it; the person's other sessions end. Raises Refusal (login-limited): the field of the old one is no place to guess."""
    user, session = signed_in(request)
    form = Form(request)
    old, new = form.secret("old"), _new(request, form)
    if not form.errors:
        limits = request.settings.login_limits
        limit(request.house.counter, user.name, request.ip, limits, request.now, known=session.id)
        _try(
            request,
            form,
            lambda: passwords.change(
                request.db,
                actor(request),
                user.id,
                old,
                new,
                keep_session=session.id,
                now=request.now,
                ranges=request.house.ranges,
            ),
        )
    if form.errors:
        return request.page("account/password.html", status=400, form=form)
    return go(request, "/account/", "password-changed")


def _new(request: Request, form: Form) -> str:
    password, again = form.secret("password"), form.secret("again")
    if password and again and password != again:
        form.wrong("again", request.gettext("This is not the same as above."))
    return password


def _try(request: Request, form: Form, act: Callable[[], object]) -> None:
    """Run `act`; what it says about a password is shown beside the field."""
    fields = {
        passwords.WEAK_PASSWORD: "password",
        breached.BREACHED_PASSWORD: "password",
        passwords.WRONG_PASSWORD: "old",
        passwords.PASSWORD_VOID: "old",
    }
    try:
        act()
    except Refusal as refusal:
        if refusal.code not in fields:
            raise
        title = request.gettext(refusal.kind.title)
        form.wrong(fields[refusal.code], f"{title}: {request.gettext(refusal.kind.help)}")


def _link_form(request: Request, form: Form, status: int) -> Response:
    with request.db.read() as conn:
        user = passwords.of_link(conn, request.part("secret"), now=request.now)
    return request.page("account/set-password.html", status=status, form=form, user=user)
