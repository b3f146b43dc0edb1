"""One's e-mail addresses: the list, adding, the link that confirms, choosing, removing, and taking a change back."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import address_book, addresses
from bonded.accounts.mail_domains import MAIL_DOMAIN
from bonded.accounts.names import INVALID_EMAIL
from bonded.values.refusals import Refusal
from bonded.web.forms import Form
from bonded.web.identity import actor, signed_in
from bonded.web.notices import go
from bonded.web.request import Request

HERE = "/account/addresses/"
BESIDE_FIELD = (INVALID_EMAIL, MAIL_DOMAIN, addresses.SAME_EMAIL, addresses.TOO_MANY_EMAILS, addresses.EMAIL_LIMITED)


def show(request: Request) -> Response:
    """The list and the form."""
    return _page(request, Form(request), 200)


def add(request: Request) -> Response:
    """Add one and have a link sent there."""
    user, _ = signed_in(request)
    form = Form(request)
    email = form.text("email", most=254)
    status = 400
    if not form.errors:
        try:
            rules = request.settings.registration.domains
            addresses.acceptable(email, rules)  # first: what gets no mail is none of the few that may be added in a day
            addresses.limit_new(request.house.counter, user, request.now)
            with request.db.write() as tx:
                addresses.add(tx, actor(request), user, email, rules, now=request.now)
        except Refusal as refusal:
            if refusal.code not in BESIDE_FIELD:
                raise
            form.wrong("email", f"{request.gettext(refusal.kind.title)}: {request.gettext(refusal.kind.help)}")
            status = refusal.status
    return _page(request, form, status) if form.errors else go(request, HERE, "email-asked")


def send_again(request: Request) -> Response:
    """Have another link sent. Raises Refusal (no-such-email, email-verified, resend-limited)."""
    user, _ = signed_in(request)
    address_id = request.part("address")
    addresses.limit_links(request.house.counter, f"{user.id}:{address_id}"[:100], request.now)
    with request.db.write() as tx:
        addresses.send_again(tx, actor(request), user, address_id, now=request.now)
    return go(request, HERE, "email-asked")


def make_primary(request: Request) -> Response:
    """Let mails go there. Raises Refusal (no-such-email, email-unverified, same-email)."""
    user, _ = signed_in(request)
    with request.db.write() as tx:
        addresses.make_primary(tx, actor(request), user, request.part("address"), now=request.now)
    return go(request, HERE, "email-changed")


def remove(request: Request) -> Response:
    """Remove one. Raises Refusal (no-such-email, primary-email, last-email)."""
    user, _ = signed_in(request)
    with request.db.write() as tx:
        addresses.remove(tx, actor(request), user, request.part("address"), now=request.now)
    return go(request, HERE, "email-removed")


def show_link(request: Request) -> Response:
    """What the link would do. Looking does not use it up: scanners of mails open links too. Raises Refusal."""
    with request.db.read() as conn:
        user, known = addresses.look(conn, request.part("secret"), now=request.now)
    return request.page("account/confirm-email.html", user=user, address=known.address)


def use_link(request: Request) -> Response:
    """The address is confirmed. Raises Refusal for a link that is not good (any more)."""
    with request.db.write() as tx:
        addresses.confirm(tx, request.part("secret"), ip=request.ip, agent=request.agent, now=request.now)
    return go(request, HERE if request.visitor.user else "/account/login/", "email-confirmed")


def show_undo(request: Request) -> Response:
    """What the link would take back. Raises Refusal."""
    with request.db.read() as conn:
        user, link = addresses.look_undo(conn, request.part("secret"), now=request.now)
    return request.page("account/undo-email.html", user=user, address=link.detail)


def use_undo(request: Request) -> Response:
    """Take the change back, then on to a new password. Raises Refusal for a link that is not good (any more)."""
    with request.db.write() as tx:
        secret = addresses.undo(tx, request.part("secret"), ip=request.ip, agent=request.agent, now=request.now)
    return go(request, f"/account/set-password/{secret}/", "email-undone")


def _page(request: Request, form: Form, status: int) -> Response:
    user, _ = signed_in(request)
    with request.db.read() as conn:
        known = address_book.of_user(conn, user.id)
    primary = address_book.key_of(user.email)
    return request.page(
        "account/addresses.html",
        status=status,
        form=form,
        addresses=known,
        primary=next((one.id for one in known if address_book.key_of(one.address) == primary), ""),
        most=addresses.MOST,
    )
