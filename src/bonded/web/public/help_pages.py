"""Help: how to use the index, and what each refusal means."""

from __future__ import annotations

from pyramid.response import Response

from bonded.values.refusals import CATALOGUE
from bonded.web.request import Request, found


def show(request: Request) -> Response:
    """Installing, uploading, what states mean."""
    base = request.settings.base
    return request.page("public/help.html", index=f"{base}simple/", upload=f"{base}legacy/")


def accessibility(request: Request) -> Response:
    """The statement: what was tested, what was not, and whom to tell of a barrier."""
    settings = request.settings
    return request.page("public/accessibility.html", contact=settings.accessibility_contact or settings.contact)


def refusals(request: Request) -> Response:
    """Every refusal there is."""
    kinds = sorted(CATALOGUE.values(), key=lambda kind: kind.code)
    return request.page("public/refusals.html", kinds=kinds)


def refusal(request: Request) -> Response:
    """One refusal: cause and cure. Raises Refusal (not-found)."""
    code = request.part("code")
    kind = found(CATALOGUE.get(code), f"There is no refusal with the code {code[:60]}.")
    return request.page("public/refusal.html", kind=kind)
