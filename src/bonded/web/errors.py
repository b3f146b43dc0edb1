"""Every error as an answer: a page for each refusal with its code, never a traceback.

Clients that ask for JSON or plain text get the same as `{"code", "message", "help"}` or two lines.
"""

from __future__ import annotations

import structlog
from pyramid.httpexceptions import HTTPException, HTTPMovedPermanently
from pyramid.interfaces import IRoutesMapper
from pyramid.response import Response
from sqlalchemy.exc import SQLAlchemyError

from bonded.telemetry.redaction import redact_path
from bonded.upload.accept import DATABASE_BUSY
from bonded.values.refusals import CATALOGUE, Refusal, RefusalKind
from bonded.web.identity import nobody
from bonded.web.public.near import near
from bonded.web.refusals import BAD_FORM, FAULT, NOT_FOUND
from bonded.web.request import Request
from bonded.web.words import sentence as as_sentence

log = structlog.get_logger("bonded.web")

OFFERED = ("text/html", "application/json", "text/plain")
OFFERED_TO_PROGRAMS = ("application/json", "text/html", "text/plain")
"""Below /api/, where whoever names nothing that they would rather read (curl, most libraries) is a program."""


def refused(refusal: Refusal, request: Request) -> Response:
    """The answer to refused input."""
    response = answer(request, refusal.kind, refusal.sentence)
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    allow = getattr(refusal, "allow", ())
    if allow:
        response.headers["Allow"] = ", ".join(allow)
    return response


def http_error(error: HTTPException, request: Request) -> Response:
    """Pyramid's own answers: redirects go through, errors get our page."""
    if error.status_int < 400:
        return error
    code = NOT_FOUND if error.status_int == 404 else BAD_FORM
    return answer(request, CATALOGUE[code], CATALOGUE[code].title)


def not_found(error: HTTPException, request: Request) -> Response:
    """No route has the path. People leave the slash at its end out, and so do links from elsewhere: they are led on."""
    if request.method in ("GET", "HEAD") and not request.path_info.endswith("/"):
        page, query = f"{request.path_info}/", request.query_string
        if any(route.match(page) is not None for route in request.registry.getUtility(IRoutesMapper).get_routes()):
            return HTTPMovedPermanently(location=f"{request.path}/{'?' if query else ''}{query}")
    return http_error(error, request)


def bad_text(_error: Exception, request: Request) -> Response:
    """A path, query or form that is not UTF-8."""
    return answer(request, CATALOGUE[BAD_FORM], "The request is not text in UTF-8.")


def busy(error: SQLAlchemyError, request: Request) -> Response:
    """The database is locked, full or away: a clear 503, and nothing was changed."""
    log.error("the database did not answer", request_id=request.request_id, exc_info=error)
    return refused(Refusal(DATABASE_BUSY, "The index is busy. Try again in a moment.", retry_after=5), request)


def fault(error: Exception, request: Request) -> Response:
    """Anything that nobody expected: logged with its traceback, answered without it."""
    log.error(
        "unexpected error",
        path=redact_path(request.environ.get("PATH_INFO", "")),
        request_id=request.request_id,
        exc_info=error,
    )
    kind = CATALOGUE[FAULT]
    return answer(request, kind, f"Something is wrong on our side (request {request.request_id}).")


def answer(request: Request, kind: RefusalKind, sentence: str) -> Response:
    """`sentence` with the refusal's code, explanation and help page, in the form that the client reads."""
    translated = request.pages.translations(request.language).sentence(sentence)
    sentence = as_sentence(sentence if translated is None else translated)
    link = f"{request.settings.base}help/refusals/{kind.code}/"
    program = request.environ.get("PATH_INFO", "").startswith("/api/")
    offered = OFFERED_TO_PROGRAMS if program else OFFERED
    offers = request.accept.acceptable_offers(offered)
    wanted = offers[0][0] if offers else offered[0]
    if wanted == "application/json":
        body = {"code": kind.code, "message": sentence, "help": link}
        response = Response(json_body=body, status=kind.status, content_type="application/json", charset="utf-8")
    elif wanted == "text/plain":
        response = Response(
            text=f"{sentence}\n{link}\n", status=kind.status, content_type="text/plain", charset="utf-8"
        )
    else:
        if not hasattr(request, "visitor"):
            request.visitor = nobody()
        response = request.page(
            "error.html",
            status=kind.status,
            kind=kind,
            sentence=sentence,
            foreign=translated is None,
            request_id=request.request_id,
            near=near(request) if kind.code == NOT_FOUND else (),
        )
    response.headers["Cache-Control"] = "no-store"
    return response
