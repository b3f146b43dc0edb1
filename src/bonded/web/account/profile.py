"""The language of one's mails and pages."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import profile
from bonded.mail.catalogues import available
from bonded.values.languages import LANGUAGES
from bonded.web.forms import Form
from bonded.web.identity import actor, signed_in
from bonded.web.notices import go
from bonded.web.request import Request

AS_BROWSER = "-"
"""The choice of no language of one's own."""


def show(request: Request) -> Response:
    """The form."""
    return _page(request, Form(request), 200)


def set_language(request: Request) -> Response:
    """Choose the language of mails, and of pages where they have it. Raises Refusal (bad-form)."""
    user, _ = signed_in(request)
    chosen = Form(request).choice("language", (AS_BROWSER, *languages(request)))
    with request.db.write() as tx:
        language = None if chosen == AS_BROWSER else chosen
        profile.set_language(tx, actor(request), user, language, now=request.now)
    return go(request, "/account/profile/", "language-set")


def languages(request: Request) -> dict[str, str]:
    """Every language that mails or pages have, each by its own name."""
    names = {*available(), *request.settings.languages}
    return {name: LANGUAGES[name].name for name in sorted(names)}


def _page(request: Request, form: Form, status: int) -> Response:
    user, _ = signed_in(request)
    return request.page(
        "account/profile.html", status=status, form=form, user=user, languages=languages(request), as_browser=AS_BROWSER
    )
