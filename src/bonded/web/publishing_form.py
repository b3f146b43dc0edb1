"""The form that names a build: the fields of one build service, chosen by a link where several are configured."""

from __future__ import annotations

from bonded.accounts.oidc import Issuer
from bonded.accounts.oidc_shapes import Field
from bonded.accounts.publishers import PUBLISHER_FORM
from bonded.values.refusals import Refusal
from bonded.web.forms import Form
from bonded.web.request import Request

PREFIX = "is-"
"""Of the names of fields, so that no claim is called like a field of ours."""


def chosen(request: Request) -> Issuer:
    """The build service of the form. Raises Refusal (publisher-form) where none is configured, or for an unknown one."""
    issuers = request.house.publishing.issuers
    number = request.params.get("service", "0")
    if not (number.isascii() and number.isdigit() and int(number[:4]) < len(issuers)):
        raise Refusal(PUBLISHER_FORM, "this index trusts no such build service")
    return issuers[int(number[:4])]


def values(request: Request, form: Form, issuer: Issuer) -> dict[str, str]:
    """What was filled in, by field; what is wrong is noted in the form."""
    found = {}
    for one in issuer.shape.fields:
        name = PREFIX + one.name
        found[one.name] = form.text(name, required=one.required)
        if name not in form.errors and not one.valid(found[one.name]):
            form.wrong(name, _not_like(request, one))
    return found


def _not_like(request: Request, one: Field) -> str:
    """What is wrong, beside the field."""
    return request.gettext("“%(label)s” cannot look like this.", label=request.gettext(one.label))
