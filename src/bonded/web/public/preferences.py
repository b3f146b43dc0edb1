"""Choosing how pages look: a form that works without script and without an account."""

from __future__ import annotations

from pyramid.response import Response

from bonded.web import appearance
from bonded.web.forms import Form
from bonded.web.notices import go
from bonded.web.request import Request


def show(request: Request) -> Response:
    """The form."""
    return request.page("public/preferences.html")


def keep(request: Request) -> Response:
    """Keep the choice in cookies of this browser. Raises Refusal (bad-form)."""
    form = Form(request)
    chosen = {name: form.choice(name, values) for name, values in appearance.CHOICES.items()}
    response = go(request, "/preferences/", "appearance-set")
    appearance.keep(request, response, chosen)
    return response
