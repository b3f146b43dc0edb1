"""What people set about themselves: their language, and their e-mail address, which a link to the new one confirms.

Until the link is used, everything goes to the old address; that one is told twice, when the change is asked for and when
it is done. The secret of the link is made when its mail is written (see the mail room) and stored as a hash only.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from bonded.accounts import links
from bonded.accounts.links import LINK_INVALID, Purpose
from bonded.accounts.names import check_email
from bonded.accounts.people import User, by_id
from bonded.accounts.tables import user as table
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.seams import Counter
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import Actor, ActorKind

LINK_LIFETIME = timedelta(days=2)
A_DAY = 5
"""Changes of address that one person may ask for in a day: each is a mail to an address that nobody has confirmed."""

SAME_EMAIL = define(
    "same-email",
    409,
    "This is your address already",
    "The account has this e-mail address. There is nothing to change.",
)
EMAIL_LIMITED = define(
    "email-limited",
    429,
    "Too many changes of address",
    f"A new address can be asked for {A_DAY} times in a day, because each time a mail is sent to it. Try again tomorrow.",
)


def set_language(tx: Tx, who: Actor, user: User, language: str | None, *, now: datetime) -> None:
    """Choose the language of mails and pages; None: pages follow the browser, mails are in English."""
    tx.execute(update(table).where(table.c.id == user.id).values(language=language))
    subject = (SubjectKind.USER, user.id)
    record(tx, "user.set-language", who, subject, now=now, user=user.id, facts={"language": language or ""})


def limit_changes(counter: Counter, user: User, now: datetime) -> None:
    """Count one wish for a new address. Raises Refusal (email-limited)."""
    wait = counter.hit(f"email:{user.id}", A_DAY, timedelta(days=1), now)
    if wait:
        raise Refusal(EMAIL_LIMITED, "a new address was asked for too often today", retry_after=wait)


def ask_email(tx: Tx, who: Actor, user: User, email: str, *, now: datetime) -> str:
    """Have a link sent to the new address, and a notice to the old one; returns the address as it is kept.

    Raises Refusal (invalid-email, same-email).
    """
    address = check_email(email)
    if address == user.email:
        raise Refusal(SAME_EMAIL, "the account has this address already")
    tx.execute(update(table).where(table.c.id == user.id).values(new_email=address))
    for action in ("user.ask-email", "user.email-link"):
        subject = (SubjectKind.USER, user.id)
        record(tx, action, who, subject, now=now, user=user.id, private={"new_email": address})
    return address


def make_email_link(tx: Tx, user_id: str, email: str, *, now: datetime) -> str | None:
    """The secret of a link that confirms `email`; None where that is not what the person waits for any more."""
    waiting = tx.execute(select(table.c.new_email).where(table.c.id == user_id)).scalar_one_or_none()
    if waiting != email:
        return None
    return links.make_link(tx, user_id, Purpose.CHANGE_EMAIL, now=now, lifetime=LINK_LIFETIME)


def confirm_email(tx: Tx, secret: str, *, ip: str, agent: str, now: datetime) -> User:
    """Use the link up: the new address is the person's. Returns them as they are then.

    Raises Refusal (link-invalid, link-expired, link-used).
    """
    user_id = links.use(tx, secret, Purpose.CHANGE_EMAIL, now=now)
    old = by_id(tx, user_id)
    if old is None or not old.active or old.new_email is None:
        raise Refusal(LINK_INVALID, "this link is not valid; ask for a new one")
    tx.execute(update(table).where(table.c.id == user_id).values(email=old.new_email, new_email=None))
    who = Actor(ActorKind.USER, user_id, "", ip, agent)
    private = {"old_email": old.email, "email": old.new_email}
    record(tx, "user.change-email", who, (SubjectKind.USER, user_id), now=now, user=user_id, private=private)
    made = by_id(tx, user_id)
    assert made is not None
    return made
