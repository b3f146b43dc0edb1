"""Mails that carry a link with a secret: which acts, how the secret is made, and the page that it opens.

The secret is made when the mail is written, so that it is in the mail and nowhere else. No other mail has a link to a page
behind the login: people learn to type passwords where a mail led them, and so they would on a copy of this site.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bonded.accounts.people import User
from bonded.accounts.profile import make_email_link
from bonded.accounts.reset import make_reset_link
from bonded.db.engine import Tx
from bonded.journal.read import Entry

Maker = Callable[[Tx, Entry, User, datetime], str | None]
"""Makes the secret for one recipient: None when there is nothing to mail any more, "" when this one gets no link."""


@dataclass(frozen=True, slots=True)
class SecretLink:
    """`page` is an address below the public one, with {secret} in it."""

    make: Maker
    page: str


def _email(tx: Tx, _entry: Entry, to: User, now: datetime) -> str | None:
    return make_email_link(tx, to.id, to.email, now=now)


def _reset(tx: Tx, _entry: Entry, to: User, now: datetime) -> str | None:
    return make_reset_link(tx, to.id, now=now)


SECRET_LINKS: Mapping[str, SecretLink] = {
    "user.email-link": SecretLink(_email, "account/email/{secret}/"),
    "user.reset-link": SecretLink(_reset, "account/set-password/{secret}/"),
}
"""By action. Add yours here, with a page that works for whoever has the link, without a login."""
