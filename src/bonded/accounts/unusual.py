"""An unusual login waits until a link in the person's mail was opened: in the same browser, from the same network.

A link that was opened elsewhere confirms nothing and is not used up; so it cannot be talked out of anybody.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from bonded.accounts import arrival, links, people, second_step, sessions
from bonded.accounts.arrival import WAITING, WAITS, Arrived, Proof
from bonded.accounts.known_devices import Browser
from bonded.accounts.links import Purpose
from bonded.accounts.networks import network_of
from bonded.accounts.people import User
from bonded.accounts.sessions import Session
from bonded.db.engine import Database, Tx
from bonded.journal import record
from bonded.seams import Counter
from bonded.values.pieces import again_in_minutes
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import Actor, ActorKind

RESEND_EVERY = timedelta(minutes=15)
A_DAY = 20

LOGIN_OVER = define(
    "login-over",
    401,
    "The login took too long",
    "A login from a new place waits half an hour for the link in your mail. Log in again.",
)
LOGIN_ELSEWHERE = define(
    "login-elsewhere",
    403,
    "The link was opened in another place",
    "The link works only in the browser in which you typed your password, and from the same network. If you read mail on another "
    "device, copy the address of the link into that browser. If you did not log in just now, somebody else knows your "
    "password: change it.",
)
LOGIN_LINK_LIMITED = define(
    "login-link-limited",
    429,
    "A link was sent a moment ago",
    "One link goes out in fifteen minutes, at most. Look into the folder for unwanted mail; a passkey needs no link.",
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A login that waits. `session` is the one of nobody that remembers it."""

    user: User
    session: Session
    proof: Proof


def waiting(db: Database, secret: str, *, now: datetime) -> Waiting:
    """The login that waits in the browser with that cookie. Raises Refusal (login-over)."""
    with db.read() as conn:
        session = sessions.read(conn, secret, now=now) if secret else None
        kept = session.data.get(WAITING) if session and session.user_id is None else None
        user = second_step.person_of(conn, kept) if kept else None
    if session is None or kept is None or user is None or user.password_void:
        raise Refusal(LOGIN_OVER, "the login took too long; begin again")
    return Waiting(user, session, Proof(str(kept["how"]), str(kept["factor"]), bool(kept["remember"])))


def send(db: Database, counter: Counter, user: User, session: Session, *, again: bool, now: datetime) -> int:
    """Have the link sent; 0, or the seconds to wait because one was sent just now to the same network."""
    wait = counter.hit(f"login-link:{user.id}@{network_of(session.ip)}", 1, RESEND_EVERY, now)
    wait = wait or counter.hit(f"login-link-day:{user.id}", A_DAY, timedelta(days=1), now)
    if wait:
        return wait
    who = Actor(ActorKind.USER, "", "", session.ip, session.agent)
    with db.write() as tx:
        for action in ("user.resend-login", "user.login-link") if again else ("user.login-link",):
            record(tx, action, who, (SubjectKind.USER, user.id), now=now, user=user.id)
    return 0


def send_again(db: Database, counter: Counter, found: Waiting, *, now: datetime) -> None:
    """The same for somebody who asks for it. Raises Refusal (login-link-limited)."""
    wait = send(db, counter, found.user, found.session, again=True, now=now)
    if wait:
        minutes = -(-wait // 60)
        raise Refusal(
            LOGIN_LINK_LIMITED, f"a link was sent a moment ago; {again_in_minutes(minutes)}", retry_after=wait
        )


def make_link(tx: Tx, user_id: str, ip: str, agent: str, *, now: datetime) -> str | None:
    """The secret of the link for a login from that place; None for an account that is not active."""
    user = people.by_id(tx, user_id)
    if user is None or not user.active:
        return None
    place = place_of(ip, agent)
    return links.make_link(tx, user_id, Purpose.CONFIRM_LOGIN, now=now, lifetime=WAITS, detail=place)


def place_of(ip: str, agent: str) -> str:
    """Network and kind of browser, as a digest. With the cookie of a login that waits, it is where a link works."""
    return hashlib.sha256(f"{network_of(ip)}\n{agent[: sessions.MAX_AGENT]}".encode("utf-8", "replace")).hexdigest()[
        :32
    ]


def look(db: Database, secret: str, cookie: str, browser: Browser, *, now: datetime) -> Waiting:
    """The login that a link would confirm here, without using it.

    Raises Refusal (link-invalid, link-expired, link-used, login-elsewhere).
    """
    with db.read() as conn:
        link = links.look(conn, secret, Purpose.CONFIRM_LOGIN, now=now)
    elsewhere = Refusal(LOGIN_ELSEWHERE, "open the link in the browser, and from the network, in which you log in")
    try:
        found = waiting(db, cookie, now=now)
    except Refusal:
        raise elsewhere from None
    places = {place_of(found.session.ip, found.session.agent), place_of(browser.ip, browser.agent)}
    if places != {link.detail} or found.user.id != link.user_id:
        raise elsewhere
    return found


def confirm(db: Database, secret: str, cookie: str, browser: Browser, *, lifetime: timedelta, now: datetime) -> Arrived:
    """Use the link up: the person is in, and the browser is known from now on. Raises Refusal as `look` does."""
    found = look(db, secret, cookie, browser, now=now)
    who = Actor(ActorKind.USER, found.user.id, "", browser.ip, browser.agent)
    with db.write() as tx:
        user = people.locked(tx, found.user.id)
        if user is None or user.password_void or second_step.person_of(tx, found.session.data[WAITING]) is None:
            raise Refusal(LOGIN_OVER, "the login took too long; begin again")
        links.use(tx, secret, Purpose.CONFIRM_LOGIN, now=now)
        record(tx, "user.confirm-login", who, (SubjectKind.USER, found.user.id), now=now, user=found.user.id)
        return arrival.enter(tx, found.user, browser, found.session, proof=found.proof, lifetime=lifetime, now=now)
