"""A forgotten password: a link by mail, for whoever asks with a name or an address that is known here.

The answer is the same whatever was typed; the mail is written by a job, so that the time is the same too. A new password
never replaces a second factor.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from bonded.accounts import address_book, links, people
from bonded.accounts.counted import opaque
from bonded.accounts.links import Purpose
from bonded.accounts.names import check_email
from bonded.accounts.people import User
from bonded.db.engine import Database, Tx
from bonded.journal import record
from bonded.seams import Counter
from bonded.values.refusals import Refusal
from bonded.values.states import SubjectKind
from bonded.values.text import has_control
from bonded.values.who import Actor

LINK_LIFETIME = timedelta(hours=2)
A_DAY = 5
"""Links for one account in a day."""


def ask(db: Database, counter: Counter, who: Actor, typed: str, *, now: datetime) -> None:
    """Have a link sent, when `typed` is a name or an address of an active account.

    For anything else the same is done, but for the mail: one look, one count, one row of the journal (without what was
    typed, which may be a password).
    """
    with db.read() as conn:
        user = meant(conn, typed.strip())
        mailbox = _mailbox(conn, user, typed.strip()) if user else None
    known = user if user is not None and user.active and mailbox else None
    account = opaque(known.id if known else typed)
    within = counter.hit(f"reset:{account}", A_DAY, timedelta(days=1), now) == 0
    with db.write() as tx:
        if known and within:
            private = {"email": mailbox or ""}
            record(tx, "user.reset-link", who, (SubjectKind.USER, known.id), now=now, user=known.id, private=private)
        else:
            subject = (SubjectKind.USER, known.id if known else "")
            record(tx, "user.ask-reset", who, subject, now=now, user=known.id if known else None)


def make_reset_link(tx: Tx, user_id: str, *, now: datetime) -> str | None:
    """The secret of a link that sets a password; None for an account that is not active (any more)."""
    user = people.by_id(tx, user_id)
    if user is None or not user.active:
        return None
    return links.make_link(tx, user_id, Purpose.SET_PASSWORD, now=now, lifetime=LINK_LIFETIME)


def meant(conn: Connection, typed: str) -> User | None:
    """Whose name this is, or who has this address confirmed."""
    if "@" not in typed:
        return people.by_name(conn, typed)
    owner_id = None if has_control(typed) else address_book.owner(conn, _as_kept(typed))
    return people.by_id(conn, owner_id) if owner_id else None


def _mailbox(conn: Connection, user: User, typed: str) -> str | None:
    """Where that person's link goes: to the address that was typed, else to theirs that counts.

    An address that nobody confirmed, or whose mail domain is gone, gets no link: whoever has the domain next would have it.
    """
    confirmed = {
        address_book.key_of(one.address): one.address for one in address_book.of_user(conn, user.id) if one.verified
    }
    wanted = _as_kept(typed) if "@" in typed else user.email
    return confirmed.get(address_book.key_of(wanted)) or next(iter(confirmed.values()), None)


def _as_kept(address: str) -> str:
    """The address in the form in which accounts have it, with its domain in ASCII; as it is where it cannot be one."""
    try:
        return check_email(address)
    except Refusal:
        return address
