"""`POST /legacy/`: the upload API as twine, uv, poetry, flit, hatch and pdm speak it.

The server has asked `may_upload` and received the body already (`environ["bonded.received"]`); here the token is checked
and the file accepted.
A refusal's reason phrase is the refusal, because twine prints nothing else.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime

import structlog
from pyramid.response import Response
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bonded.accounts import factors, tokens
from bonded.accounts.permits import SECOND_FACTOR_NEEDED
from bonded.accounts.sealing import Sealer
from bonded.accounts.tokens import Bearer
from bonded.db.engine import Database
from bonded.upload.accept import DATABASE_BUSY, Accepted, accept
from bonded.upload.receive import Received
from bonded.values.refusals import Refusal, define
from bonded.web.refusals import BAD_FORM
from bonded.web.request import Request
from bonded.web.words import sentence

TOKEN_NEEDED = define(
    "token-needed",
    401,
    "An API token is needed",
    "Uploads are made with an API token: the user is __token__ and the password the whole token, beginning with bonded-. "
    "Passwords of people are not accepted here. Make a token on the page of your account.",
)
USER = "__token__"

log = structlog.get_logger("bonded.web")

STATES = {
    "received": "received; it is being checked",
    "held": "waiting for review",
    "public": "public",
    "rejected": "rejected",
    "quarantined": "quarantined",
    "removed": "removed",
}


def upload(request: Request) -> Response:
    """Accept one file. Always says why not in the reason phrase and the body, and never changes anything then."""
    try:
        bearer = _bearer(request)
        accepted = _accept(request, bearer)
    except Refusal as refusal:
        return refused(request, refusal)
    except SQLAlchemyError as error:
        log.error("the database did not answer", request_id=request.request_id, exc_info=error)
        return refused(request, Refusal(DATABASE_BUSY, "The index is busy; upload the same file again", retry_after=5))
    finally:
        # The spooled body is of no use after the answer: what was accepted is in the vault.
        received = request.environ.get("bonded.received")
        if isinstance(received, Received):
            received.discard()
    return _answer(request, accepted)


def credentials(header: str) -> str:
    """The token in an Authorization header. Raises Refusal (token-needed)."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        raise Refusal(TOKEN_NEEDED, "An API token is needed: user __token__, password the token")
    try:
        user, colon, password = base64.b64decode(rest.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise Refusal(
            TOKEN_NEEDED, "The Authorization header cannot be read; use user __token__ and the token"
        ) from None
    if not colon or user != USER:
        raise Refusal(
            TOKEN_NEEDED, f"Log in with the user {USER} and an API token as password, not with a person's name"
        )
    return password.strip()


def may_upload(
    db: Database, sealer: Sealer, headers: Mapping[str, str], ip: str, now: datetime, *, second_factor: bool
) -> bool:
    """Whether an upload with these headers (lower-case names) is worth receiving: its token is good for some upload.

    Asked before the body is received; what `upload` says decides. A database that does not answer is no reason to refuse
    here: by the time the body has arrived it may be back.
    """
    try:
        serialized = credentials(headers.get("authorization", ""))
        with db.read() as conn:
            bearer = tokens.check(conn, serialized, sealer=sealer, permission="upload", project=None, now=now, ip=ip)
            _check_factor(conn, bearer, second_factor)
    except Refusal:
        return False
    except SQLAlchemyError:
        return True
    return True


def refused(request: Request, refusal: Refusal) -> Response:
    """The refusal for an upload tool: reason phrase, and a body in the form that it accepts."""
    code, text = refusal.code, sentence(refusal.sentence)
    link = f"{request.settings.base}help/refusals/{code}/"
    offers = request.accept.acceptable_offers(("text/plain", "application/json"))
    if offers and offers[0][0] == "application/json":
        response = Response(json_body={"code": code, "message": text, "help": link}, content_type="application/json")
    else:
        response = Response(text=f"{text}\n{link}\n", content_type="text/plain")
    response.charset = "utf-8"
    reason = Refusal(code, text).reason()
    response.status = f"{refusal.status} {reason}"
    response.headers["Cache-Control"] = "no-store"
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="bonded", charset="UTF-8"'
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def _bearer(request: Request) -> Bearer:
    """Who sent the token. Raises Refusal."""
    serialized = credentials(request.headers.get("Authorization", ""))
    with request.db.read() as conn:
        bearer = tokens.check(
            conn,
            serialized,
            sealer=request.house.sealer,
            permission="upload",
            project=None,
            now=request.now,
            ip=request.ip,
        )
        _check_factor(conn, bearer, request.settings.second_factor)
    return bearer


def _check_factor(conn: Connection, bearer: Bearer, asked: bool) -> None:
    """Where the policy asks for a second factor, tokens of people without one upload nothing; those of the operator do.

    What a build service proved is no person's secret: its short-lived tokens need none. Raises Refusal (second-factor-needed).
    """
    exempt = bearer.operator or bool(bearer.publishers)
    if asked and not exempt and not factors.has_any(conn, bearer.user.id):
        raise Refusal(
            SECOND_FACTOR_NEEDED, "the account of this API token has no second factor: add one, then upload again"
        )


def _accept(request: Request, bearer: Bearer) -> Accepted:
    received = request.environ.get("bonded.received")
    if isinstance(received, Refusal):
        raise received
    if not isinstance(received, Received):
        raise Refusal(BAD_FORM, "The upload is not a form: send multipart/form-data to /legacy/")
    return accept(request.house.upload, received, bearer, bearer.actor(request.ip, request.agent), request.now)


def _answer(request: Request, accepted: Accepted) -> Response:
    state = str(accepted.state)
    page = f"{request.settings.base}manage/project/{accepted.project_key}/"
    text = f"{accepted.filename}: {STATES.get(state, state)}. Watch it at {page}"
    if accepted.repeated:
        text = (
            f"{accepted.filename}: was here already with the same bytes; {STATES.get(state, state)}. Watch it at {page}"
        )
    offers = request.accept.acceptable_offers(("text/plain", "application/json"))
    if offers and offers[0][0] == "application/json":
        body = {
            "state": state,
            "message": text,
            "page": page,
            "repeated": accepted.repeated,
            "created": accepted.created,
        }
        response = Response(json_body=body, content_type="application/json", charset="utf-8")
    else:
        response = Response(text=text + "\n", content_type="text/plain", charset="utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
