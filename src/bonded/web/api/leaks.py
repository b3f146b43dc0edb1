"""`POST /api/tokens/leaked/`: whoever finds API tokens in the open reports them here, and they are dead at once.

The form is the one that scanners of source hosts use: a JSON list of {"token", "url"}. No account is needed: a report
holds the token itself. The answer says of each whether it was a live token of this index.
"""

from __future__ import annotations

import orjson
from pyramid.response import Response

from bonded.accounts import leaks
from bonded.accounts.login import limit_network
from bonded.values.refusals import Refusal, define
from bonded.values.text import clean
from bonded.values.who import Actor, ActorKind
from bonded.web.api.legacy import refused
from bonded.web.request import Request

MOST = 1000
MOST_BYTES = 2_000_000

BAD_REPORT = define(
    "bad-leak-report",
    400,
    "The report cannot be read",
    'A report of leaked tokens is a JSON list of objects {"token": "bonded-...", "url": "where it was found"}, at most 1,000 of them.',
)


def report(request: Request) -> Response:
    """Revoke what is live, tell its owner, and answer for each."""
    try:
        limit_network(request.house.counter, request.ip, request.settings.login_limits, request.now)
        rows = _read(request)
    except Refusal as refusal:
        return refused(request, refusal)
    answers = [{"revoked": _one(request, row)} for row in rows]
    response = Response(json_body=answers)
    response.headers["Cache-Control"] = "no-store"
    return response


def _read(request: Request) -> list[dict[str, object]]:
    body = request.body_file_raw.read(MOST_BYTES + 1) if request.content_length else b""
    try:
        rows = orjson.loads(body) if len(body) <= MOST_BYTES else None
    except ValueError:
        rows = None
    good = isinstance(rows, list) and 0 < len(rows) <= MOST and all(isinstance(row, dict) for row in rows)
    if not good or not all(isinstance(row.get("token"), str) for row in rows or ()):
        raise Refusal(BAD_REPORT, "the report is not a JSON list of objects with a token each")
    return list(rows or ())


def _one(request: Request, row: dict[str, object]) -> bool:
    where = clean(str(row.get("url", "")))[:500]
    who = Actor(ActorKind.USER, "", "", request.ip, request.agent)
    with request.db.write() as tx:
        return leaks.report(tx, who, str(row["token"]), where, sealer=request.house.sealer, now=request.now) is not None
