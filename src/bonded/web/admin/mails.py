"""Every mail that this index sends, with sample words, in a language of choice: for translators and reviewers."""

from __future__ import annotations

from pyramid.response import Response

from bonded.mail import samples
from bonded.mail.catalogues import available
from bonded.values.languages import PSEUDO
from bonded.values.refusals import Refusal
from bonded.web.forms import Form
from bonded.web.refusals import NOT_FOUND
from bonded.web.request import Request

SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""Of a mail's own HTML, which carries its styles in its elements as mails do: it runs nothing and loads nothing."""


def show(request: Request) -> Response:
    """All kinds with their subjects, and who gets each."""
    language = _language(request)
    settings = samples.settings(request.settings.name, request.settings.base)
    made = [samples.sample(name, language, settings) for name in samples.names()]
    return request.page("admin/mails.html", made=made, chosen=language, offered=sorted(available()))


def show_one(request: Request) -> Response:
    """One mail: headers and text. With `?part=html` its HTML by itself."""
    name = request.part("kind")
    if name not in samples.names():
        raise Refusal(NOT_FOUND, "There is no mail of this kind.")
    language = _language(request)
    made = samples.sample(name, language, samples.settings(request.settings.name, request.settings.base))
    if request.params.get("part") == "html":
        response = Response(text=made.html, content_type="text/html", charset="utf-8")
        response.headers["Content-Security-Policy"] = SANDBOX
        return response
    return request.page("admin/mail.html", one=made, chosen=language, offered=sorted(available()))


def _language(request: Request) -> str:
    form = Form(request, {"language": request.params.get("language", request.language)})
    wanted = form.value("language")
    offered = {*available(), *(set(PSEUDO) & set(request.settings.languages))}
    return wanted if wanted in offered else "en"
