"""`POST /account/recovery/token/`: an API token as evidence that an account is somebody's, sent as uploads send it."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import recovery_asking
from bonded.accounts.login import limit_network
from bonded.values.refusals import Refusal
from bonded.web.api.legacy import credentials, refused
from bonded.web.request import Request


def prove(request: Request) -> Response:
    """Take the token of the Authorization header for the request whose challenge is in the form."""
    try:
        limit_network(request.house.counter, request.ip, request.settings.login_limits, request.now)
        token = credentials(request.headers.get("Authorization", ""))
        challenge = request.POST.get("challenge", "")
        with request.db.write() as tx:
            recovery_asking.prove_token(
                tx,
                request.house.sealer,
                token,
                challenge if isinstance(challenge, str) else "",
                ip=request.ip,
                agent=request.agent,
                now=request.now,
            )
    except Refusal as refusal:
        return refused(request, refusal)
    response = Response(
        text="The token is noted as evidence. Go on with the page of your request.\n", content_type="text/plain"
    )
    response.charset = "utf-8"
    response.headers["Cache-Control"] = "no-store"
    return response
