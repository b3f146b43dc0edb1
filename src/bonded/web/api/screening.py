"""`/api/screenings/`: archives of elsewhere are submitted, and their verdicts read, with a token that may `screen`.

The server has asked `may_submit` and received a form with an archive already (`environ["bonded.received"]`); an address to
fetch from comes as JSON. A submission is answered with 202 and where to ask; the same one again with 200.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from pyramid.response import Response
from sqlalchemy.exc import SQLAlchemyError

from bonded.accounts import permits, tokens
from bonded.accounts.sealing import Sealer
from bonded.accounts.tokens import Bearer
from bonded.db.engine import Database
from bonded.screening import service
from bonded.screening.service import SUBMISSION_FORM, Asked, Sender
from bonded.screening.service_job import name_of
from bonded.seams import StorageError
from bonded.upload.receive import storage_refusal
from bonded.upload.spool import Received
from bonded.values.actions import ACTIONS
from bonded.values.refusals import Refusal
from bonded.web.api import legacy
from bonded.web.request import Request

PERMISSION = "screen"


def submit(request: Request) -> Response:
    """Take one archive or address. Raises Refusal; nothing was changed then."""
    received = request.environ.get("bonded.received")
    try:
        bearer = bearer_of(request, "screening.submit")
        if isinstance(received, Refusal):
            raise received
        key = request.headers.get("Idempotency-Key")
        asked = _by_form(received, key) if isinstance(received, Received) else _by_address(request, key)
        sender = Sender(
            bearer.user.id, bearer.token_id, bearer.operator or bearer.user.is_admin, request.ip, request.agent
        )
        told, new = service.submit(request.house.service, sender, asked, request.now)
    except StorageError as error:
        raise storage_refusal(error) from error
    finally:
        if isinstance(received, Received):
            received.discard()
    if bearer.use_is_news(request.now):
        with request.db.write() as tx:
            tokens.note_use(tx, bearer.token_id, ip=request.ip, agent=request.agent, now=request.now)
    answer = _told(request, told, 202 if new or told["state"] == "queued" else 200)
    answer.headers["Location"] = _address(request, told["id"])
    return answer


def show(request: Request) -> Response:
    """One submission of the bearer's person. Raises Refusal (no-such-submission)."""
    bearer = bearer_of(request, "screening.read")
    with request.db.read() as conn:
        told = service.read(conn, bearer.user.id, request.part("submission"))
    answer = _told(request, told, 200)
    if told["state"] == "queued":
        answer.headers["Retry-After"] = "1"
    return answer


def may_submit(db: Database, sealer: Sealer, headers: Mapping[str, str], ip: str, now: datetime) -> bool:
    """Whether a submission with these headers (lower-case names) is worth receiving. What `submit` says decides."""
    try:
        with db.read() as conn:
            tokens.check(
                conn,
                token_in(headers.get("authorization", "")),
                sealer=sealer,
                permission=PERMISSION,
                project=None,
                now=now,
                ip=ip,
            )
    except Refusal:
        return False
    except SQLAlchemyError:
        return True
    return True


def token_in(header: str) -> str:
    """The token of an Authorization header: Bearer, or Basic with user __token__. Raises Refusal (token-needed)."""
    scheme, _, rest = header.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" and rest.strip() else legacy.credentials(header)


def bearer_of(request: Request, action: str) -> Bearer:
    """Who sent the token, if they may do `action`. Raises Refusal."""
    serialized = token_in(request.headers.get("Authorization", ""))
    with request.db.read() as conn:
        bearer = tokens.check(
            conn,
            serialized,
            sealer=request.house.sealer,
            permission=PERMISSION,
            project=None,
            now=request.now,
            ip=request.ip,
        )
    permits.require(
        ACTIONS[action],
        account=bearer.user.state,
        is_admin=bearer.user.is_admin,
        role=None,
        scopes=bearer.permissions,
        factor_age=None,
    )
    return bearer


def _by_form(received: Received, key: str | None) -> Asked:
    expected = (received.fields.get("sha256") or [""])[0]
    if expected and expected != received.sha256:
        raise Refusal(SUBMISSION_FORM, "The archive has another sha256 than the form says")
    return Asked(received.filename, received.sha256, received.size, received.path, key=key)


def _by_address(request: Request, key: str | None) -> Asked:
    if request.content_type != "application/json":
        raise Refusal(SUBMISSION_FORM, "Send multipart/form-data with an archive, or JSON with an address")
    try:
        body: Any = orjson.loads(request.body)
        url, sha256, name = body["url"], body.get("sha256", ""), body.get("filename", "")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refusal(SUBMISSION_FORM, 'The body is not a JSON object with "url"') from None
    if not all(isinstance(one, str) for one in (url, sha256, name)):
        raise Refusal(SUBMISSION_FORM, "url, sha256 and filename are strings")
    return Asked(name or name_of(url), sha256, url=url, key=key)


def _address(request: Request, submission_id: str) -> str:
    return f"{request.settings.base}api/screenings/{submission_id}/"


def _told(request: Request, told: dict[str, Any], status: int) -> Response:
    body = orjson.dumps(told | {"location": _address(request, told["id"])})
    response = Response(body=body, status=status, content_type="application/json", charset="utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
