"""Who looks: the session of a request, the person behind it, and the secret that its forms carry."""

from __future__ import annotations

import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pyramid.response import Response
from sqlalchemy.exc import OperationalError

from bonded.accounts import people, sessions
from bonded.accounts.people import User
from bonded.accounts.sessions import Opened, Session
from bonded.values.refusals import Refusal
from bonded.values.states import AccountState
from bonded.values.who import Actor, ActorKind
from bonded.web.refusals import FORM_EXPIRED

if TYPE_CHECKING:
    from bonded.web.request import Request


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks. `user` and `session` are both there or both None; `csrf` is what forms on their pages carry."""

    user: User | None
    session: Session | None
    csrf: str

    @property
    def account(self) -> AccountState | None:
        return self.user.state if self.user else None

    @property
    def is_admin(self) -> bool:
        return self.user is not None and self.user.is_admin


def nobody(csrf: str = "") -> Visitor:
    """A visitor without a session."""
    return Visitor(None, None, csrf)


def visitor_of(request: Request) -> Visitor:
    """The visitor of this request, by the session cookie; nobody when it is missing, unknown or over."""
    secret = request.cookies.get(request.settings.cookie, "")
    if not secret:
        return nobody()
    with request.db.read() as conn:
        session = sessions.read(conn, secret, now=request.now)
        user = people.by_id(conn, session.user_id) if session and session.user_id else None
    if session is None or user is None:
        return nobody()
    if sessions.stale(session, request.now):
        with suppress(OperationalError), request.db.write(patient=False) as tx:  # another request notes it
            sessions.touch(tx, session, now=request.now)
    return Visitor(user, session, session.csrf)


def actor(request: Request) -> Actor:
    """Who acts, for the journal: the person of the session, or an address without a person."""
    visitor = request.visitor
    return Actor(
        ActorKind.USER,
        visitor.user.id if visitor.user else "",
        visitor.session.id if visitor.session else "",
        request.ip,
        request.agent,
    )


def signed_in(request: Request) -> tuple[User, Session]:
    """Person and session of a view whose action the guard only lets people do."""
    visitor = request.visitor
    assert visitor.user is not None
    assert visitor.session is not None
    return visitor.user, visitor.session


def set_session_cookie(request: Request, response: Response, opened: Opened, lifetime: timedelta) -> None:
    """Give the browser the secret of a new session. Lax: links from mails keep people logged in, foreign forms do not."""
    response.set_cookie(
        request.settings.cookie,
        opened.secret,
        max_age=int(lifetime.total_seconds()),
        path="/",
        httponly=True,
        secure=request.settings.secure,
        samesite="Lax",
    )


def drop_session_cookie(request: Request, response: Response) -> None:
    """Make the browser forget the session."""
    response.set_cookie(
        request.settings.cookie, "", max_age=0, path="/", httponly=True, secure=request.settings.secure, samesite="Lax"
    )


def _stranger_cookie(request: Request) -> str:
    return "__Host-bonded-form" if request.settings.secure else "bonded-form"


def with_stranger_secret(request: Request, visitor: Visitor) -> Visitor:
    """A form secret for somebody without a session, kept in a cookie of its own: no database row for every passer-by."""
    if visitor.session:
        return visitor
    name = _stranger_cookie(request)
    known = request.cookies.get(name, "")
    secret = known if len(known) == 43 and known.isascii() else secrets.token_urlsafe(32)

    def keep(request: Request, response: Response) -> None:
        response.set_cookie(
            name, secret, max_age=86_400, path="/", httponly=True, secure=request.settings.secure, samesite="Strict"
        )

    if secret != known:
        request.add_response_callback(keep)
    return nobody(secret)


def check_form_secret(request: Request, visitor: Visitor) -> None:
    """Raise Refusal (form-expired) unless the form came from a page that we gave this visitor.

    The Origin header, where a browser sends it, must be ours as well.
    """
    sent = str(request.POST.get("csrf", ""))
    expected = visitor.session.csrf if visitor.session else visitor.csrf
    good = bool(expected) and hmac.compare_digest(expected.encode(), sent.encode("utf-8", "replace"))
    origin = request.headers.get("Origin", "")
    foreign = origin not in ("", request.host_url, request.settings.base.rstrip("/"))
    if not good or foreign or request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Refusal(FORM_EXPIRED, "The form is no longer valid. Load the page again and repeat what you did.")
