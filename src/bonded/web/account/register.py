"""Registering: the form, the page that waits for the mailbox, and the link that makes the account."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import registration, registration_invitations
from bonded.accounts.addresses import RESEND_LIMITED
from bonded.accounts.people import NAME_TAKEN
from bonded.accounts.registration import Wanted
from bonded.mail.catalogues import available
from bonded.values.refusals import Refusal, define
from bonded.web.account.entering import entered
from bonded.web.forms import Form
from bonded.web.known import browser_of
from bonded.web.notices import go
from bonded.web.request import Request, found

BESIDE = {NAME_TAKEN: "name", RESEND_LIMITED: "email"}
"""What is said beside a field of the form."""
TRAP = "website"
"""A field that people do not see. What fills it in is a program."""

BOT_FIELD = define(
    "bot-field",
    400,
    "Leave the hidden field empty",
    "The form has a field that people do not see, and it was filled in. If a program of your browser did that, empty the field "
    "'Website' or switch the program off for this page.",
)


def show(request: Request) -> Response:
    """The form. Raises Refusal (registration-closed, invitation-needed)."""
    return _form(request, Form(request, {"email": _invited(request) or ""}), 200)


def enter(request: Request) -> Response:
    """Keep the name and have the mail sent: whoever has the address already, the answer is the same.

    Raises Refusal (registration-closed, invitation-needed, registration-limited).
    """
    invited = _invited(request)
    form = Form(request)
    name, email, password = form.text("name", most=50), form.text("email", most=254), form.secret("password")
    if request.POST.get(TRAP):
        _beside(request, form, "", Refusal(BOT_FIELD, "leave the hidden field empty"))
    registration.limit_registrations(request.house.counter, request.ip, request.settings.registration, request.now)
    wanted = Wanted(name, invited or email, password, request.language if request.language in available() else None)
    if not form.errors:
        _check(request, form, wanted)
    if form.errors:
        return _form(request, form, 400)
    try:
        registration.limit_mails(request.house.counter, wanted.email, request.now)
        made = registration.ask(
            request.db,
            wanted,
            ip=request.ip,
            agent=request.agent,
            now=request.now,
            invitation=request.params.get("invitation", "") if invited else "",
        )
    except Refusal as refusal:
        if refusal.code not in BESIDE:
            raise
        _beside(request, form, BESIDE[refusal.code], refusal)
        response = _form(request, form, refusal.status)
        if refusal.retry_after is not None:
            response.headers["Retry-After"] = str(refusal.retry_after)
        return response
    return go(request, f"/account/register/{made}/")


def show_sent(request: Request) -> Response:
    """What the person has to do now. Raises Refusal (not-found)."""
    return _sent(request, Form(request), 200)


def send_again(request: Request) -> Response:
    """Have another link sent. Raises Refusal (link-invalid, link-used)."""
    form, one = Form(request), request.part("registration")
    try:
        registration.send_again(
            request.db, request.house.counter, one, ip=request.ip, agent=request.agent, now=request.now
        )
    except Refusal as refusal:
        if refusal.retry_after is None:
            raise
        _beside(request, form, "", refusal)
        response = _sent(request, form, refusal.status)
        response.headers["Retry-After"] = str(refusal.retry_after)
        return response
    return go(request, f"/account/register/{one}/", "register-again")


def show_link(request: Request) -> Response:
    """The page behind the link, which asks for the password. Looking does not use the link up. Raises Refusal."""
    return _link_form(request, Form(request), 200)


def use_link(request: Request) -> Response:
    """Make the account and let the person in. Raises Refusal for a link that is not good (any more)."""
    form = Form(request)
    password = form.secret("password")
    if form.errors:
        return _link_form(request, form, 400)
    try:
        arrived = registration.verify(
            request.db,
            request.house.counter,
            request.part("secret"),
            password,
            browser=browser_of(request),
            limits=request.settings.login_limits,
            lifetime=request.settings.session_lifetime,
            now=request.now,
        )
    except Refusal as refusal:
        if refusal.code != "wrong-password":
            raise
        form.wrong("password", request.gettext("This is not the password that you chose when you registered."))
        return _link_form(request, form, refusal.status)
    return entered(request, arrived, "/account/", "registered")


def _check(request: Request, form: Form, wanted: Wanted) -> None:
    with request.db.read() as conn:
        rules = request.settings.registration
        for field, refusal in registration.problems(conn, wanted, rules, request.house.ranges, now=request.now):
            _beside(request, form, field, refusal)


def _beside(request: Request, form: Form, field: str, refusal: Refusal) -> None:
    form.wrong(field, f"{request.gettext(refusal.kind.title)}: {request.gettext(refusal.kind.help)}")


def _invited(request: Request) -> str | None:
    """The address that an invitation in the query is for; the form may then be used where it is not open to everybody."""
    secret = request.params.get("invitation", "")
    with request.db.read() as conn:
        address = registration_invitations.address(conn, secret, now=request.now) if secret else None
    registration.check_open(request.settings.registration, invited=address is not None)
    return address


def _form(request: Request, form: Form, status: int) -> Response:
    return request.page(
        "account/register.html",
        status=status,
        form=form,
        trap=TRAP,
        invitation=request.params.get("invitation", ""),
    )


def _sent(request: Request, form: Form, status: int) -> Response:
    with request.db.read() as conn:
        waits = found(
            registration.waiting(conn, request.part("registration"), now=request.now),
            "This registration is over: the account is made, or nobody confirmed it in time.",
        )
    return request.page("account/register-sent.html", status=status, form=form, waits=waits)


def _link_form(request: Request, form: Form, status: int) -> Response:
    with request.db.read() as conn:
        waits = registration.look(conn, request.part("secret"), now=request.now)
    return request.page("account/verify.html", status=status, form=form, waits=waits)
