"""Mails that carry a link with a secret: which acts, how the secret is made, and the page that it opens.

The secret is made when the mail is written, so that it is in the mail and nowhere else. No other mail has a link to a page
behind the login: people learn to type passwords where a mail led them, and so they would on a copy of this site.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bonded.accounts import addresses, recovery_request, registration, unusual
from bonded.accounts.people import User
from bonded.accounts.reset import make_reset_link
from bonded.catalog import invitations
from bonded.db.engine import Tx
from bonded.journal.read import Entry

Maker = Callable[[Tx, Entry, User, datetime], str | None]
"""Makes the secret for one recipient: None when there is nothing to mail any more, "" when this one gets no link."""


@dataclass(frozen=True, slots=True)
class SecretLink:
    """`page` is an address below the public one, with {secret} in it."""

    make: Maker
    page: str


def _email(tx: Tx, entry: Entry, to: User, now: datetime) -> str | None:
    return addresses.make_link(tx, to.id, str(entry.facts.get("address", "")), now=now)


def _undo(tx: Tx, entry: Entry, to: User, _now: datetime) -> str | None:
    return addresses.make_undo_link(tx, to.id, to.email, now=entry.at)  # by the order of the changes, not of the mails


def _register(tx: Tx, _entry: Entry, to: User, now: datetime) -> str | None:
    return registration.make_link(tx, to.id, now=now)


def _login(tx: Tx, entry: Entry, to: User, now: datetime) -> str | None:
    return unusual.make_link(tx, to.id, entry.private.get("ip", ""), entry.private.get("agent", ""), now=now)


def _reset(tx: Tx, _entry: Entry, to: User, now: datetime) -> str | None:
    return make_reset_link(tx, to.id, now=now)


def _invitation(tx: Tx, entry: Entry, to: User, now: datetime) -> str | None:
    """The person invited gets a link, and no mail once the invitation is over; the owners are told without one."""
    return invitations.make_link(tx, str(entry.facts["invitation"]), now=now) if to.id == entry.user_id else ""


def _recovery(purpose: recovery_request.Purpose) -> Maker:
    def make(tx: Tx, entry: Entry, _to: User, now: datetime) -> str | None:
        return recovery_request.make_link(tx, int(entry.facts["request"]), purpose, now=now)

    return make


_STOP = SecretLink(_recovery(recovery_request.Purpose.STOP), "account/recovery/stop/{secret}/")

SECRET_LINKS: Mapping[str, SecretLink] = {
    "user.email-link": SecretLink(_email, "account/email/{secret}/"),
    "user.login-link": SecretLink(_login, "account/login/confirm/{secret}/"),
    "user.register-link": SecretLink(_register, "account/verify/{secret}/"),
    "user.undo-link": SecretLink(_undo, "account/undo-email/{secret}/"),
    "user.void-password": SecretLink(_reset, "account/set-password/{secret}/"),
    "user.reset-link": SecretLink(_reset, "account/set-password/{secret}/"),
    "role.invite": SecretLink(_invitation, "account/invitations/link/{secret}/"),
    "recovery.link": SecretLink(_recovery(recovery_request.Purpose.OWN), "account/recovery/request/{secret}/"),
    "recovery.prove-token": _STOP,
    "recovery.name-repository": _STOP,
    "recovery.begin": _STOP,
    "recovery.notice": _STOP,
}
"""By action. Add yours here, with a page that works for whoever has the link, without a login."""
