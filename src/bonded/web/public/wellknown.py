"""security.txt (RFC 9116): where to report a vulnerability."""

from __future__ import annotations

from datetime import timedelta

from pyramid.response import Response

from bonded.values.refusals import Refusal
from bonded.web.refusals import NOT_FOUND
from bonded.web.request import Request


def security(request: Request) -> Response:
    """The file. Raises Refusal (not-found) where the operator has set no contact: it is a required field."""
    settings = request.settings
    if not settings.contact:
        raise Refusal(
            NOT_FOUND, "The operator of this index has set no contact for security reports (security_contact)."
        )
    midnight = request.now.replace(hour=0, minute=0, second=0, microsecond=0)
    lines = (
        f"Contact: {settings.contact}",
        f"Expires: {(midnight + timedelta(days=30)).strftime('%Y-%m-%dT%H:%M:%SZ')}",
        f"Canonical: {settings.base}.well-known/security.txt",
        "Preferred-Languages: en",
    )
    return Response(text="\n".join(lines) + "\n", content_type="text/plain", charset="utf-8")
