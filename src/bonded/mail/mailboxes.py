"""Mails about addresses go to the address that they are about, not to where the account's mails go today."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from bonded.accounts import address_book, registration
from bonded.accounts.people import User
from bonded.journal.read import Entry


def mailbox(conn: Connection, entry: Entry, person: User | None) -> User | None:
    """`person`, the one concerned, with the address that this mail goes to; None when it has no reader any more."""
    if entry.action == "user.register-link":
        return registration.addressee(conn, entry.subject_id)
    if person is None:
        return None
    if entry.action == "account.delete":  # the account's own row says nothing any more
        said = entry.private
        return replace(
            person, email=said.get("email", ""), name=said.get("name", ""), language=said.get("language") or None
        )
    if entry.action == "user.email-link":
        waiting = address_book.one(conn, person.id, str(entry.facts.get("address", "")))
        return replace(person, email=waiting.address) if waiting and not waiting.verified else None
    if entry.action == "user.undo-link":
        before = entry.private.get("old_email")
        return replace(person, email=before) if before else None
    if entry.action in ("user.reset-link", "user.void-password"):
        return _confirmed(conn, person, entry.private.get("email", person.email))
    if entry.action == "user.lost-domain":
        return _confirmed(conn, person, person.email)
    if entry.action in ("recovery.link", "user.login-link") and _lost(conn, person):
        return None  # what proves that its reader has the account's mail is not for whoever has the domain next
    return person


def _lost(conn: Connection, person: User) -> bool:
    """Whether the mail domain of the address that mails go to was found to be gone, and it was not confirmed since."""
    known = address_book.called(conn, person.id, person.email)
    return known is not None and not known.verified and known.lost_at is not None


def _confirmed(conn: Connection, person: User, wanted: str) -> User | None:
    """A link that sets a password goes only where mail is known to arrive; news of a lost domain only where it can."""
    confirmed = [one.address for one in address_book.of_user(conn, person.id) if one.verified]
    keys = {address_book.key_of(one) for one in confirmed}
    if address_book.key_of(wanted) in keys:
        return replace(person, email=wanted)
    return replace(person, email=confirmed[0]) if confirmed else None
