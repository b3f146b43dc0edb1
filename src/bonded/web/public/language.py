"""Choosing the language of pages, with or without an account, with or without script."""

from __future__ import annotations

from datetime import timedelta

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.response import Response

from bonded.accounts import profile
from bonded.values.languages import LANGUAGES
from bonded.web.forms import Form
from bonded.web.identity import actor
from bonded.web.negotiate import COOKIE
from bonded.web.request import Request
from bonded.web.safe import local_path

AS_BROWSER = "-"
"""No language of one's own: what the browser asks for."""
KEPT = timedelta(days=365)


def show(request: Request) -> Response:
    """Every language that is offered, each by its own name."""
    return request.page(
        "public/language.html",
        languages=[LANGUAGES[code] for code in request.settings.languages],
        as_browser=AS_BROWSER,
        chosen=_chosen(request),
        next=local_path(request.GET.get("next", "/")),
    )


def choose(request: Request) -> Response:
    """Keep the choice: with the account of whoever is logged in, else in a cookie. Raises Refusal (bad-form)."""
    form = Form(request)
    code = form.choice("language", (AS_BROWSER, *request.settings.languages))
    chosen = None if code == AS_BROWSER else code
    user = request.visitor.user
    if user is not None:
        with request.db.write() as tx:
            profile.set_language(tx, actor(request), user, chosen, now=request.now)
    answer = HTTPSeeOther(location=local_path(form.value("next")))
    answer.set_cookie(
        COOKIE,
        chosen or "",
        max_age=int(KEPT.total_seconds()) if chosen else 0,
        path="/",
        httponly=True,
        secure=request.settings.secure,
        samesite="Lax",
    )
    return answer


def _chosen(request: Request) -> str:
    user = request.visitor.user
    code = (user.language if user else None) or request.cookies.get(COOKIE, "")
    return code if code in request.settings.languages else AS_BROWSER
