"""Trusted publishing as upload tools speak it: Warehouse's addresses, and the discovery of PEP 807 (draft).

`GET /.well-known/pytp?discover=%2Flegacy%2F` says where the other two are; `GET /_/oidc/audience` whom an identity must be for;
`POST /_/oidc/mint-token` exchanges one for a token. Errors are problem details (RFC 9457) that also hold what Warehouse answers, so that
every tool finds the reason where it looks.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import orjson
import structlog
from pyramid.response import Response
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bonded.accounts import oidc_mint, people, publishers
from bonded.accounts.oidc import IDENTITY_UNREADABLE, Identity, prove
from bonded.accounts.oidc_mint import NO_PUBLISHER
from bonded.accounts.publishers import Publisher
from bonded.catalog import read
from bonded.db.engine import Tx
from bonded.upload.accept import DATABASE_BUSY
from bonded.values.pieces import names
from bonded.values.refusals import Refusal, define
from bonded.values.states import Role
from bonded.values.who import Actor, ActorKind
from bonded.web.refusals import NOT_FOUND
from bonded.web.request import Request
from bonded.web.words import sentence

TYPE = "application/vnd.pypi.pytp.v1+json"
PROBLEM = "application/problem+json"
FEATURES = ["multi-use-token"]
MOST_BYTES = 65_536
UPLOAD_PATHS = ("/legacy/", "/legacy")

PUBLISHER_LEFT = define(
    "publisher-left",
    403,
    "Whoever added the trusted publisher has left",
    "A trusted publisher acts in the name of the person who added it, and this person has no role in the project any more, or the account is "
    "frozen. An owner takes the publisher over on the project's publishing page, with one press.",
)
NAME_TAKEN = define(
    "publisher-name-taken",
    403,
    "The name of the new project is taken",
    "The trusted publisher waited to make a project whose name somebody else has taken meanwhile. Choose another name, and add a publisher "
    "for that one.",
)
FEATURE_UNKNOWN = define(
    "publishing-feature",
    422,
    "The token cannot be like that",
    "The upload tool asked for a kind of token that this index does not make. /.well-known/pytp says which kinds it makes.",
)

log = structlog.get_logger("bonded.publishing")


def discover(request: Request) -> Response:
    """PEP 807: where to exchange identities for uploads to the path `discover`. 404 where that is no upload address."""
    if not request.house.publishing.issuers or request.params.get("discover", "") not in UPLOAD_PATHS:
        return _problem(request, Refusal(NOT_FOUND, "There is no trusted publishing for that address."))
    base = request.settings.base
    endpoints = {"audience-endpoint": f"{base}_/oidc/audience", "token-mint-endpoint": f"{base}_/oidc/mint-token"}
    return _json(request, endpoints | {"features": FEATURES, "default-features": FEATURES})


def audience(request: Request) -> Response:
    """Whom identities must be for."""
    if not request.house.publishing.issuers:
        return _problem(request, Refusal(NOT_FOUND, "Trusted publishing is not configured on this index."))
    return _json(request, {"audience": request.house.publishing.audience})


def mint(request: Request) -> Response:
    """Exchange an identity for a token of 15 minutes. Nothing is changed when it is refused."""
    try:
        if not request.house.publishing.issuers:
            raise Refusal(NOT_FOUND, "Trusted publishing is not configured on this index.")
        identity = prove(request.house.publishing, _posted(request), request.now)
        with request.db.write() as tx:
            found = _good_for(tx, request, identity)
            who = Actor(ActorKind.TOKEN, found[0].user_id, "", request.ip, request.agent)
            text, ends = oidc_mint.mint(tx, who, identity, found, sealer=request.house.sealer, now=request.now)
    except Refusal as refusal:
        log.info("no token for an identity", code=refusal.code, request_id=request.request_id)
        return _problem(request, refusal)
    except SQLAlchemyError as error:
        log.error("the database did not answer", request_id=request.request_id, exc_info=error)
        return _problem(request, Refusal(DATABASE_BUSY, "The index is busy; try again", retry_after=5))
    return _json(request, {"success": True, "token": text, "expires": ceil(ends.timestamp())})


def _posted(request: Request) -> str:
    """The identity in the body. Raises Refusal (identity-unreadable, publishing-feature)."""
    body = request.body_file_raw.read(MOST_BYTES + 1) if request.content_length else b""
    try:
        posted = orjson.loads(body) if len(body) <= MOST_BYTES else None
    except ValueError:
        posted = None
    text = posted.get("token") if isinstance(posted, dict) else None
    if not isinstance(posted, dict) or not isinstance(text, str):
        raise Refusal(IDENTITY_UNREADABLE, 'The body is not a JSON object with a "token"')
    wanted = posted.get("features", FEATURES)
    if not isinstance(wanted, list) or [one for one in wanted if one not in FEATURES]:
        raise Refusal(FEATURE_UNKNOWN, f"this index makes tokens of the kind {names(FEATURES)} only")
    return text


def _good_for(tx: Tx, request: Request, identity: Identity) -> list[Publisher]:
    """The publishers that the identity fits and that may act now. Raises Refusal (publisher-none, -left, -name-taken)."""
    found, wrong = publishers.matching(tx, identity.issuer.shape, identity.issuer.url, identity.claims, now=request.now)
    if not found:
        raise Refusal(
            NO_PUBLISHER,
            f"no project trusts this build; claims that differ from what the nearest one asks: {names(wrong)}"
            if wrong
            else "no project trusts this build",
        )
    told = [(one, _trouble(tx, one)) for one in found]
    good = [one for one, trouble in told if trouble is None]
    if not good:
        raise next(trouble for _, trouble in told if trouble is not None)
    return [_bound(tx, request, one) for one in good]


def _trouble(conn: Connection, one: Publisher) -> Refusal | None:
    """What keeps a publisher from acting: its person, or its name."""
    user, project = people.by_id(conn, one.user_id), read.project(conn, one.project_key)
    role = read.role_in(conn, one.user_id, one.project_key)
    if one.pending and project is not None and role is not Role.OWNER:
        return Refusal(NAME_TAKEN, f"somebody else made the project {one.project_key} meanwhile")
    if user is None or not user.active or (not one.pending and role is None):
        return Refusal(PUBLISHER_LEFT, f"whoever added this publisher to {one.project_key} has no role in it any more")
    return None


def _bound(tx: Tx, request: Request, one: Publisher) -> Publisher:
    """A pending one whose project its own person made by other means is a publisher of it from now on."""
    if not one.pending or read.project(tx, one.project_key) is None:
        return one
    who = Actor(ActorKind.POLICY, ip=request.ip, agent=request.agent)
    publishers.bind(tx, who, [one.id], one.project_key, now=request.now)
    return replace(one, pending=False, expires_at=None)


def _json(request: Request, body: dict[str, object]) -> Response:
    """An answer in the form that was asked for: PEP 807's type where it is named, else plain JSON."""
    offers = request.accept.acceptable_offers((TYPE, "application/json"))
    kind = offers[0][0] if offers and request.headers.get("Accept", "*/*") != "*/*" else "application/json"
    response = Response(body=orjson.dumps(body), content_type=kind)
    response.headers["Cache-Control"] = "no-store"
    return response


def _problem(request: Request, refusal: Refusal) -> Response:
    """RFC 9457, with `message` and `errors` as Warehouse has them."""
    text = sentence(refusal.sentence)
    link = f"{request.settings.base}help/refusals/{refusal.code}/"
    body = {
        "type": link,
        "title": refusal.kind.title,
        "status": refusal.status,
        "detail": text,
        "code": refusal.code,
        "message": "Token request failed" if refusal.code != NOT_FOUND else text,
        "errors": [{"code": refusal.code, "description": f"{text} ({link})"}],
        "help": link,
    }
    response = Response(body=orjson.dumps(body), status=refusal.status, content_type=PROBLEM)
    response.headers["Cache-Control"] = "no-store"
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response
