"""The step-up on a page of its own, for whoever wants it over with before a longer piece of work."""

from __future__ import annotations

from pyramid.response import Response

from bonded.web import stepup
from bonded.web.forms import Form
from bonded.web.notices import go
from bonded.web.request import Request
from bonded.web.safe import local_path


def show(request: Request) -> Response:
    """The form."""
    target = local_path(request.params.get("next", ""), "/account/")
    response = stepup.ask(request, Form(request), "/account/confirm/", [("next", target)])
    response.status_int = 200
    return response


def enter(request: Request) -> Response:
    """Check the proof, then on to `next`."""
    form = Form(request)
    target = local_path(form.text("next", most=2000, required=False), "/account/")
    if stepup.confirm(request, form):
        return go(request, target, "confirmed")
    return stepup.ask(request, form, "/account/confirm/", [("next", target)])
