"""Language and e-mail address: setting the one, asking for another of the other, and the link that confirms it."""

from __future__ import annotations

from babel import Locale
from pyramid.response import Response

from bonded.accounts import links, people, profile
from bonded.accounts.names import INVALID_EMAIL
from bonded.mail.catalogues import available
from bonded.values.refusals import Refusal
from bonded.web.forms import Form
from bonded.web.identity import actor, signed_in
from bonded.web.notices import go
from bonded.web.request import Request, found

AS_BROWSER = "-"
"""The choice of no language of one's own."""


def show(request: Request) -> Response:
    """Both forms."""
    return _page(request, Form(request), 200)


def set_language(request: Request) -> Response:
    """Choose the language of mails, and of pages where they have it. Raises Refusal (bad-form)."""
    user, _ = signed_in(request)
    chosen = Form(request).choice("language", (AS_BROWSER, *languages(request)))
    with request.db.write() as tx:
        language = None if chosen == AS_BROWSER else chosen
        profile.set_language(tx, actor(request), user, language, now=request.now)
    return go(request, "/account/profile/", "language-set")


def ask_email(request: Request) -> Response:
    """Have a link sent to another address. Raises Refusal (email-limited)."""
    user, _ = signed_in(request)
    form = Form(request)
    email = form.text("email", most=254)
    if not form.errors:
        profile.limit_changes(request.house.counter, user, request.now)
        try:
            with request.db.write() as tx:
                profile.ask_email(tx, actor(request), user, email, now=request.now)
        except Refusal as refusal:
            if refusal.code not in (INVALID_EMAIL, profile.SAME_EMAIL):
                raise
            form.wrong("email", f"{request.gettext(refusal.kind.title)}: {request.gettext(refusal.kind.help)}")
    if form.errors:
        return _page(request, form, 400)
    return go(request, "/account/profile/", "email-asked")


def show_link(request: Request) -> Response:
    """What the link would do. Looking does not use it up: scanners of mails open links too. Raises Refusal."""
    with request.db.read() as conn:
        user_id = links.peek(conn, request.part("secret"), links.Purpose.CHANGE_EMAIL, now=request.now)
        user = found(people.by_id(conn, user_id), "There is no such account.")
    return request.page("account/confirm-email.html", user=user)


def use_link(request: Request) -> Response:
    """The new address is the person's. Raises Refusal for a link that is not good (any more)."""
    with request.db.write() as tx:
        profile.confirm_email(tx, request.part("secret"), ip=request.ip, agent=request.agent, now=request.now)
    return go(request, "/account/profile/" if request.visitor.user else "/account/login/", "email-changed")


def languages(request: Request) -> dict[str, str]:
    """Every language that mails or pages have, each by its own name."""
    names = {*available(), *request.settings.languages}
    return {name: (Locale.parse(name).get_display_name() or name) for name in sorted(names)}


def _page(request: Request, form: Form, status: int) -> Response:
    user, _ = signed_in(request)
    return request.page(
        "account/profile.html", status=status, form=form, user=user, languages=languages(request), as_browser=AS_BROWSER
    )
