"""The cookie by which a browser is known: what logins are compared with, and what limits them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.response import Response

from bonded.accounts.known_devices import KNOWN_FOR, SEVERAL, Browser, cookie_secrets

if TYPE_CHECKING:
    from bonded.web.request import Request


def cookie_name(secure: bool) -> str:
    """`__Host-` keeps other hosts of the same domain from setting it."""
    return "__Host-bonded-known" if secure else "bonded-known"


def browser_of(request: Request) -> Browser:
    """The visitor's browser, with the secrets that it was given."""
    secrets = cookie_secrets(request.cookies.get(cookie_name(request.settings.secure), ""))
    return Browser(request.ip, request.agent, secrets)


def keep(request: Request, response: Response, secret: str | None) -> None:
    """Give the browser the secret of a login that succeeded in it, beside those of other people who use it."""
    secrets = [*browser_of(request).secrets, *([secret] if secret else [])][-SEVERAL:]
    if not secrets:
        return
    response.set_cookie(
        cookie_name(request.settings.secure),
        ".".join(secrets),
        max_age=int(KNOWN_FOR.total_seconds()),
        path="/",
        httponly=True,
        secure=request.settings.secure,
        samesite="Lax",
    )
