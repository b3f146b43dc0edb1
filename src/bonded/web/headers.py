"""Security headers on every answer, errors included: the outermost tween.

Pages hold no script, so the policy allows none, but for those that speak to security devices: they run ours, from a file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.response import Response

from bonded.web.request import Request

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)

SCRIPT_POLICY = POLICY.replace("style-src", "script-src 'self'; style-src", 1)
"""Of the few pages that carry a script of ours: security devices speak to browsers by script only."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), clipboard-read=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def with_script(response: Response) -> Response:
    """The answer, allowed to run scripts from our own address."""
    response.headers["Content-Security-Policy"] = SCRIPT_POLICY
    return response


def security_headers(handler: Callable[[Request], Response], _registry: Any) -> Callable[[Request], Response]:
    """The tween. A view's own header of the same name stays."""

    def tween(request: Request) -> Response:
        response = handler(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("X-Request-Id", request.request_id)
        if "Cache-Control" not in response.headers:
            # Whatever depends on who looks must not stay in a cache; a page for everybody may, for a moment.
            visitor = getattr(request, "visitor", None)
            personal = request.settings.cookie in request.cookies or "Set-Cookie" in response.headers
            personal = personal or bool(visitor and visitor.csrf)
            response.headers["Cache-Control"] = (
                "no-store" if personal or response.status_int != 200 else "public, max-age=10"
            )
        vary = {part.strip() for part in response.headers.get("Vary", "").split(",") if part.strip()}
        response.headers["Vary"] = ", ".join(sorted(vary | {"Accept-Language", "Cookie"}))
        return response

    return tween
