"""What comes after the proofs of a login: usual ones are in; of others the mailbox is asked first.

A login is usual in a browser, or from a network, in which the person logged in before, and the very first one is. The question
by mail is friction for whoever stole a password, never a factor (OWASP ASVS 5.0, 6.3.6): it replaces none, and passkeys and
security devices, which cannot be phished, skip it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import select, update

from bonded.accounts import known_devices, links, second_step, sessions
from bonded.accounts.known_devices import Browser
from bonded.accounts.people import User
from bonded.accounts.sessions import Opened, Session
from bonded.accounts.tables import user as table
from bonded.db.engine import Tx
from bonded.values.text import iso

WAITS = timedelta(minutes=30)
WAITING = "unusual"


class Step(Enum):
    """How far a login got."""

    IN = "in"
    SECOND = "second"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Proof:
    """How somebody proved who they are: what the journal says ("" for a password alone), and the id of the factor."""

    how: str
    factor: str
    remember: bool = False
    """They asked that this browser stand for the second step."""


PASSWORD = Proof("", "password")
UNPHISHABLE = ("passkey", "device")


@dataclass(frozen=True, slots=True)
class Arrived:
    """The session to set, how far the login got, and the secret of a browser that was not known before."""

    user: User
    opened: Opened
    step: Step
    device: str | None = None

    def __repr__(self) -> str:
        return f"Arrived({self.user.id}, {self.step})"


def arrive(
    tx: Tx,
    user: User,
    browser: Browser,
    old: Session | None,
    *,
    proof: Proof,
    ask_mail: bool,
    lifetime: timedelta,
    now: datetime,
) -> Arrived:
    """The proofs were right: in, or waiting for the mailbox. `old` is the session of nobody that it took.

    Whoever gets `Step.MAIL` has the mail sent by `unusual.send`, after this transaction.
    """
    if ask_mail and proof.how not in UNPHISHABLE and not _usual(tx, user, browser, now):
        return Arrived(user, _wait(tx, user, browser, old, proof, now), Step.MAIL)
    return enter(tx, user, browser, old, proof=proof, lifetime=lifetime, now=now)


def enter(
    tx: Tx, user: User, browser: Browser, old: Session | None, *, proof: Proof, lifetime: timedelta, now: datetime
) -> Arrived:
    """Open the session and note the browser. Links that set a password are void: whoever logs in needs none."""
    opened = second_step.finish(
        tx,
        user,
        old,
        how=proof.how,
        proof=proof.factor,
        ip=browser.ip,
        agent=browser.agent,
        lifetime=lifetime,
        now=now,
    )
    links.void(tx, user.id, links.Purpose.SET_PASSWORD)
    first = (table.c.id == user.id) & table.c.first_login_at.is_(None)
    tx.execute(update(table).where(first).values(first_login_at=now))
    device = known_devices.note(tx, user.id, browser, remember=proof.remember, now=now)
    return Arrived(user, opened, Step.IN, device)


def _usual(tx: Tx, user: User, browser: Browser, now: datetime) -> bool:
    first = tx.execute(select(table.c.first_login_at).where(table.c.id == user.id)).scalar_one() is None
    known = known_devices.recognise(tx, user.id, browser, now=now) is not None
    return first or known or known_devices.usual_place(tx, user.id, browser, now=now)


def _wait(tx: Tx, user: User, browser: Browser, old: Session | None, proof: Proof, now: datetime) -> Opened:
    if old is not None:
        sessions.forget(tx, old)
    kept = {"user": user.id, "how": proof.how, "factor": proof.factor, "remember": proof.remember, "at": iso(now)}
    data = {WAITING: kept | {second_step.BASIS: second_step.basis(tx, user.id)}}
    return sessions.open(tx, None, ip=browser.ip, agent=browser.agent, now=now, lifetime=WAITS, data=data)
