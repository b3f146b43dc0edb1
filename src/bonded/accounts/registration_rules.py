"""Who may register, and with which name: what the operator set, and the names that nobody gets. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bonded.accounts.mail_domains import DomainRules
from bonded.accounts.names import check_user_name, name_key
from bonded.values.refusals import Refusal, define

REGISTRATION_CLOSED = define(
    "registration-closed",
    403,
    "Accounts are not made here",
    "This index does not let people register by themselves. Ask an administrator for an account.",
)
INVITATION_NEEDED = define(
    "invitation-needed",
    403,
    "You need an invitation",
    "This index makes accounts for people who were invited. Open the link of your invitation; links work for two weeks, once, "
    "and for the address that they were made for.",
)
NAME_PROHIBITED = define(
    "user-name-prohibited",
    403,
    "Nobody gets this name",
    "Names that could be taken for the index itself, its staff or its machinery are given to nobody. Take another one.",
)

KEPT = frozenset(
    {
        *("abuse", "admin", "administrator", "administrators", "bonded", "bot", "daemon", "everyone", "guest", "help"),
        *("helpdesk", "hostmaster", "info", "index", "legal", "mail", "mailer-daemon", "maintainer", "maintainers"),
        *(
            "moderator",
            "moderators",
            "no-reply",
            "nobody",
            "noreply",
            "null",
            "official",
            "operator",
            "operators",
            "owner",
        ),
        *("package", "packages", "postmaster", "psf", "pypa", "pypi", "python", "root", "security", "sshd", "staff"),
        *("status", "superuser", "support", "sysadmin", "system", "team", "test", "token", "undefined", "user"),
        *("webmaster", "www"),
    }
)
"""Names that stand for an office or for machinery (RFC 2142 and what indexes learned)."""


class Mode(StrEnum):
    """Who may register."""

    CLOSED = "closed"
    INVITATION = "invitation"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class RegistrationRules:
    """What the operator set. `prohibited` names come on top of KEPT; `per_hour` is for one network."""

    mode: Mode = Mode.CLOSED
    domains: DomainRules = field(default_factory=DomainRules)
    prohibited: frozenset[str] = field(default_factory=frozenset)
    per_hour: int = 10

    def check_name(self, name: str) -> None:
        """Raise Refusal (invalid-user-name, user-name-prohibited). Look-alikes of a prohibited name are prohibited too."""
        check_user_name(name)
        if name_key(name) in {name_key(one) for one in (*KEPT, *self.prohibited)}:
            raise Refusal(NAME_PROHIBITED, f"nobody gets the name {name}")
