"""Security headers on every answer, errors included: the outermost tween.

Pages hold no script and no style of their own: both come from our files, and nothing else runs. Scripts never make markup of
text: browsers that know Trusted Types refuse it, since there is no policy that could.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.response import Response

from bonded.web.request import Request

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)

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
    """The answer, of which scripts of ours are an essential part; the policy of all pages allows them."""
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
        if "immutable" in response.headers["Cache-Control"]:
            return response  # the same for everybody: a cache must not keep it once for each visitor
        vary = {part.strip() for part in response.headers.get("Vary", "").split(",") if part.strip()}
        response.headers["Vary"] = ", ".join(sorted(vary | {"Accept-Language", "Cookie"}))
        return response

    return tween
