"""Domains of addresses: which the operator takes, and which throw-away services hand out. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from bonded.values.refusals import Refusal, define

MAIL_DOMAIN = define(
    "mail-domain",
    400,
    "Addresses of this domain are not taken",
    "The index does not take addresses of throw-away mail services, nor of domains that its operator excluded; mails about "
    "security must still reach you in a year. Give an address that is yours to keep.",
)


@dataclass(frozen=True, slots=True)
class DomainRules:
    """`refused` domains with all below them; `only`, where it is not empty, are the only ones that are taken, exactly."""

    refused: frozenset[str] = field(default_factory=frozenset)
    only: frozenset[str] = field(default_factory=frozenset)

    def check(self, address: str) -> None:
        """Raise Refusal (mail-domain) for an address (from `check_email`) of a domain that is not taken."""
        domain = domain_of(address)
        if self.only and domain not in self.only:
            raise Refusal(MAIL_DOMAIN, "only addresses of certain domains are taken here")
        if _within(domain, self.refused):
            raise Refusal(MAIL_DOMAIN, f"addresses of {domain[:100]} are not taken here")


def domain_of(address: str) -> str:
    """The domain of an address, in lower case."""
    return address.rpartition("@")[2].lower()


def read_list(text: str) -> frozenset[str]:
    """The domains of a list: one on each line, # begins a comment, names beyond ASCII in any form."""
    lines = (line.partition("#")[0].strip().strip(".").lower() for line in text.splitlines())
    return frozenset(_ascii(line) for line in lines if line)


def _ascii(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain


def _within(domain: str, listed: Collection[str]) -> bool:
    labels = domain.split(".")
    return any(".".join(labels[start:]) in listed for start in range(len(labels)))
