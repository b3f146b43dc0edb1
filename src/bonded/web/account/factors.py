"""One's second factors: the list, adding an app or a device, names, removing, recovery codes."""

from __future__ import annotations

import base64
from collections.abc import Callable

import segno
from pyramid.response import Response

from bonded.accounts import challenges, devices, factors, recovery, totp
from bonded.accounts.challenges import Purpose
from bonded.accounts.sessions import Session
from bonded.values.refusals import Refusal
from bonded.web.factors_asked import needs_of
from bonded.web.forms import Form
from bonded.web.headers import with_script
from bonded.web.identity import actor, signed_in
from bonded.web.notices import go
from bonded.web.refusals import BAD_FORM
from bonded.web.request import Request
from bonded.web.safe import local_path, quoted

LIST = "/account/factors/"
SECRET = "sealed"


def show(request: Request) -> Response:
    """The list, with what is possible."""
    user, _ = signed_in(request)
    with request.db.read() as conn:
        mine, codes = factors.of_user(conn, user.id), recovery.standing(conn, user.id)
        held = factors.held(mine, needs_of(conn, user.id, request.settings.second_factor, now=request.now))
    target = local_path(request.params.get("next", ""), "")
    return request.page(
        "account/factors.html", factors=mine, held=held, codes=codes, form=Form(request), next_path=target
    )


def show_app(request: Request) -> Response:
    """The picture for an authentication app. The secret is made new, and is nowhere but in this page until it is proved."""
    return _address_first(request) or _app_page(request, Form(request), totp.new_secret(), 200)


def add_app(request: Request) -> Response:
    """Add the app whose code is right. Raises Refusal (bad-form, too-many-factors)."""
    form = Form(request)
    secret = _secret_of(request, str(request.POST.get(SECRET, "")))
    label, code = form.text("label", most=factors.LABEL_LENGTH), form.secret("code")
    if not form.errors:
        with_fields(request, form, lambda: _add_app(request, label, secret, code))
    return _app_page(request, form, secret, 400) if form.errors else _added(request)


def _secret_of(request: Request, sealed: str) -> bytes:
    """The secret of the picture in the form's own page: whoever opened two has scanned either. Raises Refusal (bad-form)."""
    _, session = signed_in(request)
    try:
        return request.house.sealer.open(base64.b64decode(sealed, validate=True), _bound_to(session))
    except (ValueError, Refusal):
        raise Refusal(BAD_FORM, "the form is no longer valid: begin again") from None


def _bound_to(session: Session) -> str:
    return f"new:{session.id}"


def show_device(request: Request) -> Response:
    """The page on which a security device is registered."""
    return _address_first(request) or _device_page(request, Form(request), 200)


def add_device(request: Request) -> Response:
    """Register what the browser answered."""
    user, session = signed_in(request)
    form = Form(request)
    label, answer = form.text("label", most=factors.LABEL_LENGTH), form.answer("answer")

    def act() -> None:
        challenge = challenges.taken(
            request.house.sealer, request.house.counter, Purpose.NEW_DEVICE, session.id, answer, now=request.now
        )
        values = devices.registered(request.settings.site, challenge, answer)
        with request.db.write() as tx:
            factors.add_device(tx, actor(request), user.id, label, values, now=request.now)

    if not form.errors:
        with_fields(request, form, act)
    return _device_page(request, form, 400) if form.errors else _added(request)


def rename(request: Request) -> Response:
    """Give one another name. Raises Refusal (no-such-factor, factor-label)."""
    user, _ = signed_in(request)
    label = Form(request).text("label", most=factors.LABEL_LENGTH)
    with request.db.write() as tx:
        factors.rename(tx, actor(request), user.id, request.part("factor"), label, now=request.now)
    return go(request, LIST, "factor-renamed")


def remove(request: Request) -> Response:
    """Remove one. Raises Refusal (no-such-factor, last-factor, same-factor)."""
    user, session = signed_in(request)
    with request.db.write() as tx:
        needs = needs_of(tx, user.id, request.settings.second_factor, now=request.now)
        factors.remove(
            tx, actor(request), user.id, request.part("factor"),
            confirmed_with=session.confirmed_with, needs=needs, now=request.now,
        )  # fmt: skip
    return go(request, LIST, "factor-removed")


def make_codes(request: Request) -> Response:
    """New recovery codes, shown this once."""
    user, _ = signed_in(request)
    with request.db.write() as tx:
        if not factors.has_any(tx, user.id):
            raise Refusal(factors.NO_SUCH_FACTOR, "add an app or a device first: recovery codes stand in for one")
        codes = recovery.make(tx, actor(request), user.id, now=request.now)
    return request.page("account/recovery-codes.html", codes=codes, form=Form(request))


def prove_codes(request: Request) -> Response:
    """One of the codes, typed back: from now on they count."""
    user, _ = signed_in(request)
    form = Form(request)
    typed = form.secret("code")

    def act() -> None:
        with request.db.write() as tx:
            recovery.use(tx, actor(request), user.id, typed, proving=True, now=request.now)

    if not form.errors:
        with_fields(request, form, act)
    if form.errors:
        return request.page("account/recovery-codes.html", status=400, codes=[], form=form)
    return go(request, LIST, "codes-proved")


def with_fields(request: Request, form: Form, act: Callable[[], None]) -> None:
    """Run `act`; what it says of a field is shown beside it."""
    fields = {factors.FACTOR_LABEL: "label", recovery.WRONG_CODE: "code"}
    fields |= dict.fromkeys((devices.DEVICE_FAILED, factors.CREDENTIAL_KNOWN, factors.FACTOR_NEEDS_EMAIL), "")
    try:
        act()
    except Refusal as refusal:
        if refusal.code not in fields:
            raise
        form.wrong(fields[refusal.code], f"{request.gettext(refusal.kind.title)}: {request.sentence(refusal.sentence)}")


def _address_first(request: Request) -> Response | None:
    """Where somebody goes first none of whose addresses is confirmed: an app that is set up in vain would be worse."""
    user, _ = signed_in(request)
    try:
        with request.db.read() as conn:
            factors.reachable(conn, user.id)
    except Refusal as refusal:
        return go(request, "/account/addresses/", refusal.code)
    return None


def _add_app(request: Request, label: str, secret: bytes, code: str) -> None:
    user, _ = signed_in(request)
    with request.db.write() as tx:
        factors.add_app(tx, actor(request), request.house.sealer, user.id, label, secret, code, now=request.now)


def _added(request: Request) -> Response:
    user, _ = signed_in(request)
    with request.db.read() as conn:
        codes = recovery.standing(conn, user.id)
    target = local_path(str(request.POST.get("next", "")), "")
    back = f"{LIST}?next={quoted(target)}" if target else LIST
    return go(request, back if not codes.proved else target or LIST, "factor-added")


def _app_page(request: Request, form: Form, secret: bytes, status: int) -> Response:
    user, session = signed_in(request)
    sealed = base64.b64encode(request.house.sealer.seal(secret, _bound_to(session))).decode()
    address = totp.address(secret, request.settings.name, user.name)
    picture = segno.make(address, error="m").svg_inline(scale=5, border=4, light="#fff", dark="#000", omitsize=False)
    target = local_path(str(request.params.get("next", "")), "")
    return request.page(
        "account/add-app.html", status=status, form=form, typed=totp.typed(secret), picture=picture, sealed=sealed,
        next_path=target,
    )  # fmt: skip


def _device_page(request: Request, form: Form, status: int) -> Response:
    user, session = signed_in(request)
    challenge = challenges.make(request.house.sealer, Purpose.NEW_DEVICE, session.id, now=request.now)
    with request.db.read() as conn:
        options = devices.registration(conn, request.settings.site, user, challenge)
    target = local_path(str(request.params.get("next", "")), "")
    return with_script(
        request.page("account/add-device.html", status=status, form=form, options=options, next_path=target)
    )
