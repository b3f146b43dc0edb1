"""A person's e-mail addresses: adding, confirming, choosing where mails go, removing, and taking a change back.

Whoever has the mailbox decides: an address counts only after a link in it was opened and confirmed, and for 72 hours the
address that lost its place can take it back, whoever has the account meanwhile.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from bonded.accounts import address_book, known_devices, links, people, sessions, tokens
from bonded.accounts.address_book import Address
from bonded.accounts.entry_tables import email_address as table
from bonded.accounts.links import Link, Purpose
from bonded.accounts.mail_domains import DomainRules
from bonded.accounts.names import check_email
from bonded.accounts.people import User
from bonded.accounts.tables import user as user_table
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.seams import Counter
from bonded.values.pieces import again_in_minutes
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import Actor, ActorKind

LINK_LIFETIME = timedelta(days=2)
UNDO_LIFETIME = timedelta(hours=72)
MOST = 10
A_DAY = 5
"""Addresses that one person may add in a day: each is a mail to an address that nobody has confirmed."""
RESENT, RESENT_WINDOW = 3, timedelta(hours=6)

SAME_EMAIL = define(
    "same-email",
    409,
    "This is your address already",
    "The account has this e-mail address. There is nothing to change.",
)
EMAIL_LIMITED = define(
    "email-limited",
    429,
    "Too many new addresses",
    f"{A_DAY} addresses can be added in a day, because each time a mail is sent to it. Try again tomorrow.",
)
TOO_MANY_EMAILS = define(
    "too-many-emails", 409, "Too many addresses", f"An account has at most {MOST} addresses. Remove one first."
)
RESEND_LIMITED = define(
    "resend-limited",
    429,
    "The link was sent often enough",
    f"At most {RESENT} links go to one address in six hours. Look into the folder for unwanted mail, or try again later.",
)
NO_SUCH_EMAIL = define(
    "no-such-email", 404, "No such address", "The address was removed meanwhile, or it was never one of yours."
)
EMAIL_REMOVED = define(
    "email-removed",
    410,
    "The address was removed meanwhile",
    "The account does not have this address any more, so there is nothing to confirm. It can be added again.",
)
EMAIL_VERIFIED = define(
    "email-verified",
    409,
    "The address is confirmed already",
    "Mail arrives there: that was shown before. Nothing is to do.",
)
EMAIL_TAKEN = define(
    "email-taken",
    409,
    "Another account has this address",
    "An address can be confirmed for one account only. Remove it from the other account first, or use another one.",
)
EMAIL_UNVERIFIED = define(
    "email-unverified",
    409,
    "The address is not confirmed",
    "Mails can go only to an address whose link was opened. Open the link first, or have it sent again.",
)
PRIMARY_EMAIL = define(
    "primary-email",
    409,
    "Mails go to this address",
    "The address that mails go to cannot be removed. Choose another one for them first.",
)
LAST_EMAIL = define(
    "last-email",
    409,
    "This is the last confirmed address",
    "Without a confirmed address nobody could tell you of a danger, or let you in again. Confirm another one first.",
)


def limit_new(counter: Counter, user: User, now: datetime) -> None:
    """Count one new address. Raises Refusal (email-limited)."""
    wait = counter.hit(f"email:{user.id}", A_DAY, timedelta(days=1), now)
    if wait:
        raise Refusal(EMAIL_LIMITED, "too many addresses were added today", retry_after=wait)


def limit_links(counter: Counter, subject: str, now: datetime) -> None:
    """Count one link to an address; `subject` is its id. Raises Refusal (resend-limited)."""
    wait = counter.hit(f"email-link:{subject}", RESENT, RESENT_WINDOW, now)
    if wait:
        minutes = -(-wait // 60)
        raise Refusal(RESEND_LIMITED, f"the link was sent often enough; {again_in_minutes(minutes)}", retry_after=wait)


def acceptable(email: str, rules: DomainRules) -> str:
    """The address in the form in which it is kept. Raises Refusal (invalid-email, mail-domain)."""
    address = check_email(email)
    rules.check(address)
    return address


def add(tx: Tx, who: Actor, user: User, email: str, rules: DomainRules, *, now: datetime) -> str:
    """Add an address, unconfirmed, and have a link sent there; returns its id.

    Whether another account has it is told to nobody but its mailbox.
    Raises Refusal (invalid-email, mail-domain, same-email, too-many-emails).
    """
    address = acceptable(email, rules)
    user = _alone(tx, user)
    if address_book.called(tx, user.id, address) is not None:
        raise Refusal(SAME_EMAIL, "the account has this address already")
    if len(address_book.of_user(tx, user.id)) >= MOST:
        raise Refusal(TOO_MANY_EMAILS, f"the account has as many addresses as it may have ({MOST})")
    try:
        with tx.begin_nested():
            made = address_book.put(tx, user.id, address, verified=False, now=now)
    except IntegrityError:  # the same in another window, a moment ago
        raise Refusal(SAME_EMAIL, "the account has this address already") from None
    _note(tx, "user.ask-email", who, user.id, made, {"new_email": address}, now)
    _note(tx, "user.email-link", who, user.id, made, {"new_email": address}, now)
    return made


def send_again(tx: Tx, who: Actor, user: User, address_id: str, *, now: datetime) -> None:
    """Have another link sent; the one before stops working. Raises Refusal (no-such-email, email-verified)."""
    known = _one(tx, user, address_id)
    if known.verified:
        raise Refusal(EMAIL_VERIFIED, "the address is confirmed already")
    _note(tx, "user.resend-email", who, user.id, known.id, {}, now)
    _note(tx, "user.email-link", who, user.id, known.id, {"new_email": known.address}, now)


def make_link(tx: Tx, user_id: str, address_id: str, *, now: datetime) -> str | None:
    """The secret of a link that confirms an address; None when there is nothing to confirm any more, "" when the address
    is another account's: its mail says so, and carries no link."""
    known = address_book.one(tx, user_id, address_id)
    owner = None if known is None else address_book.owner(tx, known.address)
    if known is None or known.verified or owner == user_id:
        return None
    if owner is not None:
        return ""
    return links.make_link(tx, user_id, Purpose.CONFIRM_EMAIL, now=now, lifetime=LINK_LIFETIME, detail=address_id)


def look(tx: Tx, secret: str, *, now: datetime) -> tuple[User, Address]:
    """What a link would confirm, without using it.

    Raises Refusal (link-invalid, link-expired, link-used, email-removed, email-verified, email-taken).
    """
    link = links.look(tx, secret, Purpose.CONFIRM_EMAIL, now=now)
    user = people.by_id(tx, link.user_id)
    if user is None or not user.active:
        raise Refusal(links.LINK_INVALID, "this link is not valid; ask for a new one")
    known = address_book.one(tx, user.id, link.detail)
    if known is None:
        raise Refusal(EMAIL_REMOVED, "the address was removed from the account meanwhile")
    owner = address_book.owner(tx, known.address)
    if known.verified or owner == user.id:  # the second: the same link in another window, since the row was read
        raise Refusal(EMAIL_VERIFIED, "the address is confirmed already")
    if owner is not None:
        raise Refusal(EMAIL_TAKEN, "another account has this address")
    return user, known


def confirm(tx: Tx, secret: str, *, ip: str, agent: str, now: datetime) -> Address:
    """Use a link up: the address is confirmed. Raises Refusal as `look` does."""
    user, known = look(tx, secret, now=now)
    links.use(tx, secret, Purpose.CONFIRM_EMAIL, now=now)
    try:
        with tx.begin_nested():
            tx.execute(update(table).where(table.c.id == known.id).values(verified_at=now, lost_at=None))
    except IntegrityError:  # another account confirmed it a moment ago
        raise Refusal(EMAIL_TAKEN, "another account has this address") from None
    who = Actor(ActorKind.USER, user.id, "", ip, agent)
    _note(tx, "user.confirm-email", who, user.id, known.id, {"email": known.address}, now)
    return known


def make_primary(tx: Tx, who: Actor, user: User, address_id: str, *, now: datetime) -> None:
    """Let mails go there; the address before is told, with a link that takes it back.

    Raises Refusal (no-such-email, email-unverified, same-email).
    """
    user = _alone(tx, user)
    known = _one(tx, user, address_id)
    if not known.verified:
        raise Refusal(EMAIL_UNVERIFIED, "the address is not confirmed yet")
    if address_book.key_of(known.address) == address_book.key_of(user.email):
        raise Refusal(SAME_EMAIL, "mails go to this address already")
    tx.execute(update(user_table).where(user_table.c.id == user.id).values(email=known.address))
    private = {"old_email": user.email, "email": known.address}
    _note(tx, "user.change-email", who, user.id, known.id, private, now)
    before = address_book.called(tx, user.id, user.email)
    if before is not None and before.verified:
        _note(tx, "user.undo-link", who, user.id, before.id, {"old_email": before.address}, now)


def remove(tx: Tx, who: Actor, user: User, address_id: str, *, now: datetime) -> None:
    """Remove an address; a confirmed one is told, with a link that takes it back.

    Raises Refusal (no-such-email, primary-email, last-email).
    """
    user = _alone(tx, user)
    known = _one(tx, user, address_id)
    if address_book.key_of(known.address) == address_book.key_of(user.email):
        raise Refusal(PRIMARY_EMAIL, "mails go to this address; choose another one for them first")
    others = [one for one in address_book.of_user(tx, user.id) if one.verified and one.id != known.id]
    if known.verified and not others:
        raise Refusal(LAST_EMAIL, "this is the last confirmed address of the account")
    tx.execute(delete(table).where(table.c.id == known.id))
    _note(tx, "user.remove-email", who, user.id, known.id, {"old_email": known.address}, now)
    if known.verified:
        _note(tx, "user.undo-link", who, user.id, known.id, {"old_email": known.address}, now)


def make_undo_link(tx: Tx, user_id: str, address: str, *, now: datetime) -> str | None:
    """The secret of a link by which `address` takes its place back; None for an account that is not active."""
    user = people.by_id(tx, user_id)
    if user is None or not user.active:
        return None
    # An earlier link of the same address stays good: it takes back what happened between the two as well.
    return links.make_link(
        tx, user_id, Purpose.UNDO_EMAIL, now=now, lifetime=UNDO_LIFETIME, detail=address, replaces=False
    )


def look_undo(tx: Tx, secret: str, *, now: datetime) -> tuple[User, Link]:
    """What a link would take back. Raises Refusal (link-invalid, link-expired, link-used)."""
    link = links.look(tx, secret, Purpose.UNDO_EMAIL, now=now)
    user = people.by_id(tx, link.user_id)
    if user is None or not user.active:
        raise Refusal(links.LINK_INVALID, "this link is not valid; ask an administrator")
    return user, link


def undo(tx: Tx, secret: str, *, ip: str, agent: str, now: datetime) -> str:
    """Take a change of address back, and shut out whoever made it. Returns the secret of a link that sets a password.

    The address is the account's only confirmed one afterwards, and its password, sessions, tokens and known browsers are
    void; second factors stay. Links that later changes gave to other addresses are worth nothing any more: so of two
    people who undo each other, the one who had the account first wins. Nor are links that confirm another address: by one
    that the intruder kept, theirs would count again, and have a link for the next password. Raises Refusal (link-...,
    email-taken).
    """
    user, link = look_undo(tx, secret, now=now)
    links.use(tx, secret, Purpose.UNDO_EMAIL, now=now)
    links.void(tx, user.id, Purpose.UNDO_EMAIL, until=link.expires_at)
    for purpose in (Purpose.SET_PASSWORD, Purpose.CONFIRM_EMAIL):
        links.void(tx, user.id, purpose)
    _only(tx, user.id, link.detail, now)
    tx.execute(update(user_table).where(user_table.c.id == user.id).values(email=link.detail, password_void_at=now))
    facts = {
        "sessions_ended": sessions.end_all(tx, user.id, keep=None),
        "tokens_revoked": tokens.revoke_all(tx, user.id, now=now),
    }
    known_devices.forget_all(tx, user.id)
    who = Actor(ActorKind.USER, user.id, "", ip, agent)
    private = {"old_email": user.email, "email": link.detail}
    record(tx, "user.undo-email", who, (SubjectKind.USER, user.id), now=now, user=user.id, facts=facts, private=private)
    return links.make_link(tx, user.id, Purpose.SET_PASSWORD, now=now, lifetime=timedelta(hours=2))


def _only(tx: Tx, user_id: str, address: str, now: datetime) -> None:
    """Make `address` the only one of the account that is confirmed."""
    mine = table.c.user_id == user_id
    tx.execute(update(table).where(mine, table.c.key != address_book.key_of(address)).values(verified_at=None))
    known = address_book.called(tx, user_id, address)
    try:
        with tx.begin_nested():
            if known is None:
                address_book.put(tx, user_id, address, verified=True, now=now)
            elif not known.verified:
                tx.execute(update(table).where(table.c.id == known.id).values(verified_at=now, lost_at=None))
    except IntegrityError:
        raise Refusal(EMAIL_TAKEN, "another account has this address") from None


def _alone(tx: Tx, user: User) -> User:
    """The person as they are now; whoever else changes their addresses waits, so that each rule counts what is there."""
    tx.execute(select(user_table.c.id).where(user_table.c.id == user.id).with_for_update())
    now_is = people.by_id(tx, user.id)
    if now_is is None:
        raise Refusal(NO_SUCH_EMAIL, "the account is gone")
    return now_is


def _one(tx: Tx, user: User, address_id: str) -> Address:
    known = address_book.one(tx, user.id, address_id)
    if known is None:
        raise Refusal(NO_SUCH_EMAIL, "the account has no such address")
    return known


def _note(
    tx: Tx, action: str, who: Actor, user_id: str, address_id: str, private: dict[str, str], now: datetime
) -> None:
    subject = (SubjectKind.USER, user_id)
    record(tx, action, who, subject, now=now, user=user_id, facts={"address": address_id}, private=private)
