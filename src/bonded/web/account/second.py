"""The second step of a login, and signing in with a passkey alone."""

from __future__ import annotations

from pyramid.response import Response
from sqlalchemy import Connection

from bonded.accounts import arrival, challenges, devices, factors, known_devices, people, recovery, second_step
from bonded.accounts.arrival import Arrived, Proof
from bonded.accounts.challenges import Purpose
from bonded.accounts.factor_policy import has_device
from bonded.accounts.factors import Kind
from bonded.accounts.login_limits import limit_network
from bonded.accounts.permits import ACCOUNT_FROZEN
from bonded.accounts.second_step import Pending
from bonded.values.refusals import Refusal, define
from bonded.values.who import Actor, ActorKind
from bonded.web.account import login
from bonded.web.account.entering import entered
from bonded.web.factors_asked import device_demanded
from bonded.web.forms import Form
from bonded.web.headers import with_script
from bonded.web.known import browser_of
from bonded.web.request import Request
from bonded.web.safe import local_path

HOW = ("code", "recovery", "device")
DEVICE_ONLY = define(
    "device-at-login",
    403,
    "Log in with your security device",
    "You work on a project on which much depends. Whoever does logs in with a security device or passkey: a copy of this site could "
    "ask for the code of an app, but not for a device. If you lost yours, a recovery code lets you in.",
)


def show(request: Request) -> Response:
    """What the second step can be."""
    form = Form(request)
    return _page(request, _pending(request), form, _target(request, form), 200)


def enter(request: Request) -> Response:
    """Take it: then on to `next`. Raises Refusal (second-step-over)."""
    form = Form(request)
    waiting, target = _pending(request), _target(request, form)
    how = form.choice("how", HOW)
    with request.db.read() as conn:
        device_only = _device_only(conn, waiting.user.id)
    typed = form.answer("answer") if how == "device" else form.secret(how)
    if form.errors:
        return _page(request, waiting, form, target, 400)
    try:
        if device_only and how == "code":
            raise Refusal(DEVICE_ONLY, "use your security device")
        return _finish(request, waiting, how, typed, target)
    except Refusal as refusal:
        if refusal.code == second_step.SECOND_STEP_OVER:
            raise
        return _refused(request, waiting, form, how, refusal, target)


def passkey(request: Request) -> Response:
    """Sign in with a passkey: no name, no password."""
    form = Form(request)
    target = _target(request, form)
    try:
        arrived = _by_passkey(request, form.answer("answer"))
    except Refusal as refusal:
        form.wrong("", f"{request.gettext(refusal.kind.title)}: {request.gettext(refusal.kind.help)}")
        return login.form_page(request, form, target, refusal.status)
    return entered(request, arrived, target)


def _by_passkey(request: Request, answer: str) -> Arrived:
    limit_network(request.house.counter, request.ip, request.settings.login_limits, request.now)
    challenge = challenges.taken(
        request.house.sealer, request.house.counter, Purpose.PASSKEY, request.visitor.csrf, answer, now=request.now
    )
    with request.db.write() as tx:
        found = devices.authenticated(tx, request.settings.site, challenge, answer, user_id=None, now=request.now)
        user = people.by_id(tx, found.user_id)
        if user is None or not user.active:
            raise Refusal(ACCOUNT_FROZEN, "this account is frozen; an administrator can thaw it")
        return arrival.enter(
            tx, user, browser_of(request), None, proof=Proof("passkey", found.id),
            lifetime=request.settings.session_lifetime, now=request.now,
        )  # fmt: skip


def _pending(request: Request) -> Pending:
    return second_step.pending(request.db, request.cookies.get(request.settings.cookie, ""), now=request.now)


def _target(request: Request, form: Form) -> str:
    given = form.text("next", most=2000, required=False) if request.method == "POST" else request.params.get("next", "")
    return local_path(given, "/account/")


def _finish(request: Request, waiting: Pending, how: str, typed: str, target: str) -> Response:
    user, browser, remember = waiting.user, browser_of(request), request.POST.get("remember") == "yes"
    sealer, counter, challenge = request.house.sealer, request.house.counter, ""
    if how == "device":
        challenge = challenges.taken(sealer, counter, Purpose.SECOND_STEP, waiting.session.id, typed, now=request.now)
    else:
        with request.db.read() as conn:
            known = known_devices.recognise(conn, user.id, browser, now=request.now)
        second_step.limit(counter, user.id, request.now, known=known.id if known else "")
    notice = "logged-in"
    with request.db.write() as tx:
        second_step.hold(tx, waiting)
        if how == "code":
            proof = factors.use_code(tx, sealer, user.id, typed, now=request.now).id
        elif how == "device":
            proof = devices.authenticated(
                tx, request.settings.site, challenge, typed, user_id=user.id, now=request.now
            ).id
        else:
            who = Actor(ActorKind.USER, user.id, "", request.ip, request.agent)
            left = recovery.use(tx, who, user.id, typed, now=request.now)
            proof, notice = "recovery", "few-codes" if left <= recovery.FEW else "logged-in"
        arrived = arrival.arrive(
            tx, user, browser, waiting.session, proof=Proof(how, proof, remember and how != "recovery"),
            ask_mail=request.settings.ask_mail, lifetime=request.settings.session_lifetime, now=request.now,
        )  # fmt: skip
    return entered(request, arrived, target, notice)


def _refused(request: Request, waiting: Pending, form: Form, how: str, refusal: Refusal, target: str) -> Response:
    second_step.failed(
        request.db, waiting.user, how="device" if how == "device" else "code",
        ip=request.ip, agent=request.agent, now=request.now,
    )  # fmt: skip
    said = f"{request.gettext(refusal.kind.title)}: {request.sentence(refusal.sentence)}"
    form.wrong("" if how == "device" else how, said)
    response = _page(request, waiting, form, target, refusal.status)
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def _device_only(conn: Connection, user_id: str) -> bool:
    """Whether no code of an app is taken: of people of critical projects who have a device. Recovery codes are: they are for
    whoever lost it."""
    return device_demanded(conn, user_id) and has_device(conn, user_id)


def _page(request: Request, waiting: Pending, form: Form, target: str, status: int) -> Response:
    options, user = None, waiting.user
    with request.db.read() as conn:
        kinds = {one.kind for one in factors.of_user(conn, user.id)}
        codes = recovery.standing(conn, user.id)
        credentials = devices.credentials_of(conn, user.id)
        device_only = _device_only(conn, user.id)
    if credentials:
        challenge = challenges.make(request.house.sealer, Purpose.SECOND_STEP, waiting.session.id, now=request.now)
        options = devices.authentication(request.settings.site, credentials, challenge)
    page = request.page(
        "account/second-step.html", status=status, form=form, next_path=target, options=options,
        apps=Kind.APP in kinds and not device_only, device_only=device_only,
        codes=codes.left if codes.proved else 0,
    )  # fmt: skip
    return with_script(page) if options else page
