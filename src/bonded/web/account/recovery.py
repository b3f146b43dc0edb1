"""For those who lost all their second factors: asking, the page of the request, evidence, and stopping it."""

from __future__ import annotations

from pyramid.response import Response
from sqlalchemy import Connection

from bonded.accounts import people, recovery_asking, recovery_request, tokens
from bonded.accounts.login import limit_network
from bonded.accounts.permits import LOGIN_REQUIRED
from bonded.accounts.recovery_request import RECOVERY_OVER, LostFactors, Purpose
from bonded.catalog.repositories import linked_repositories
from bonded.values.refusals import Refusal
from bonded.web.forms import Form
from bonded.web.identity import actor
from bonded.web.notices import go
from bonded.web.request import Request


def show(request: Request) -> Response:
    """What is possible, and the form to ask."""
    return request.page("account/recovery.html", form=Form(request), asked=False)


def ask(request: Request) -> Response:
    """Have a link sent. The answer is the same whether anybody is known by that name or address."""
    form = Form(request)
    typed = form.text("name", most=254)
    if form.errors:
        return request.page("account/recovery.html", status=400, form=form, asked=False)
    limit_network(request.house.counter, request.ip, request.settings.login_limits, request.now)
    recovery_asking.ask(request.db, request.house.counter, actor(request), typed, now=request.now)
    return request.page("account/recovery.html", form=form, asked=True)


def show_request(request: Request) -> Response:
    """The page of a request, for whoever has its link: its state, and what is still needed. Raises Refusal."""
    return _page(request, Form(request), 200)


def name_repository(request: Request) -> Response:
    """Say in which repository the text is. Raises Refusal (link-invalid, recovery-begun, recovery-over)."""
    form = Form(request)
    address = form.text("address", most=500)
    if form.errors:
        return _page(request, form, 400)
    try:
        with request.db.write() as tx:
            found = _own(request, tx)
            linked = linked_repositories(tx, found.user_id)
            recovery_asking.name_repository(tx, actor(request), found, address, linked, now=request.now)
    except Refusal as refusal:
        if refusal.code != recovery_asking.NOT_LINKED:
            raise
        form.wrong("address", f"{request.gettext(refusal.kind.title)}: {request.gettext(refusal.kind.help)}")
        return _page(request, form, 400)
    return go(request, _address(request), "repository-named")


def begin(request: Request) -> Response:
    """Hand the evidence in. Raises Refusal (evidence-missing, recovery-begun, recovery-over)."""
    with request.db.write() as tx:
        found = _own(request, tx)
        more = _more_is_possible(tx, request, found)
        recovery_request.hand_in(tx, actor(request), found, more_is_possible=more, now=request.now)
    return go(request, _address(request), "recovery-begun")


def give_up(request: Request) -> Response:
    """Stop it, on the page of the request. Raises Refusal (recovery-over)."""
    with request.db.write() as tx:
        recovery_request.stop(tx, actor(request), _own(request, tx), now=request.now)
    return go(request, _address(request), "recovery-stopped")


def show_stop(request: Request) -> Response:
    """The page with the one button. Looking stops nothing: scanners of mails open links too. Raises Refusal."""
    with request.db.read() as conn:
        found = recovery_request.by_link(conn, request.part("secret"), Purpose.STOP, now=request.now)
        user = people.by_id(conn, found.user_id)
    return request.page("account/recovery-stop.html", found=found, user=user)


def stop(request: Request) -> Response:
    """Stop it, by the link of a mail. Raises Refusal (link-invalid, recovery-over)."""
    with request.db.write() as tx:
        found = recovery_request.by_link(tx, request.part("secret"), Purpose.STOP, now=request.now)
        recovery_request.stop(tx, actor(request), found, now=request.now)
    return go(request, "/account/recovery/", "recovery-stopped")


def stop_own(request: Request) -> Response:
    """Stop it, logged in. Raises Refusal (login-required, recovery-over)."""
    user = request.visitor.user
    if user is None:
        raise Refusal(LOGIN_REQUIRED, "log in to stop the request, or use the link of a mail")
    with request.db.write() as tx:
        found = recovery_request.open_of(tx, user.id)
        if found is None:
            raise Refusal(RECOVERY_OVER, "there is no open request for your account")
        recovery_request.stop(tx, actor(request), found, now=request.now)
    return go(request, "/account/", "recovery-stopped")


def _own(request: Request, conn: Connection) -> LostFactors:
    return recovery_request.by_link(conn, request.part("secret"), Purpose.OWN, now=request.now)


def _address(request: Request) -> str:
    return f"/account/recovery/request/{request.part('secret')}/"


def _more_is_possible(conn: Connection, request: Request, found: LostFactors) -> bool:
    live = any(one.live(request.now) for one in tokens.of_user(conn, found.user_id))
    return live or bool(linked_repositories(conn, found.user_id))


def _page(request: Request, form: Form, status: int) -> Response:
    with request.db.read() as conn:
        found = _own(request, conn)
        user = people.by_id(conn, found.user_id)
        linked = linked_repositories(conn, found.user_id)
        more = _more_is_possible(conn, request, found)
    page = f"{request.settings.base}account/recovery/token/"
    command = f"curl -u __token__ -d challenge={found.challenge} {page}"
    enough = not more or found.token_at is not None or found.repository_at is not None
    return request.page(
        "account/recovery-request.html",
        status=status,
        form=form,
        address=_address(request),
        found=found,
        user=user,
        linked=linked,
        command=command,
        more=more,
        enough=enough,
    )
