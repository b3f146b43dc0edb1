"""MailDomains over real UDP: what a name server says about mail, and what it cannot say."""

from __future__ import annotations

import pytest

from bonded.adapters.mail_domains_dns import DnsMailDomains
from bonded.seams import MailDomain
from tests.support.dns import name_server

ANSWERS = {
    "mx.example": "mx",
    "null.example": "null mx",
    "address.example": "address",
    "nothing.example": "nothing",
    "failure.example": "failure",
    "silence.example": "silence",
    "xn--bcher-kva.example": "mx",
}
EXPECTED = {
    "mx.example": MailDomain.TAKES_MAIL,
    "address.example": MailDomain.TAKES_MAIL,
    "xn--bcher-kva.example": MailDomain.TAKES_MAIL,
    "null.example": MailDomain.GONE,
    "nothing.example": MailDomain.GONE,
    "gone.example": MailDomain.GONE,
    "failure.example": MailDomain.UNKNOWN,
    "silence.example": MailDomain.UNKNOWN,
    "a..b": MailDomain.UNKNOWN,
    "x" * 300: MailDomain.UNKNOWN,
}


@pytest.mark.parametrize("domain", EXPECTED)
def test_what_is_said_of_a_domain(domain: str) -> None:
    patience = 0.5 if ANSWERS.get(domain) == "silence" else 30.0  # only where there is no answer the time is to run out
    with name_server(ANSWERS) as server:
        assert DnsMailDomains([server], timeout=patience).look(domain) is EXPECTED[domain]


def test_a_server_that_is_away_says_nothing() -> None:
    assert DnsMailDomains(["127.0.0.1:1"], timeout=0.3).look("mx.example") is MailDomain.UNKNOWN


def test_addresses_of_servers() -> None:
    assert DnsMailDomains(["127.0.0.1", "127.0.0.1:5353", "::1", "[::1]:5353"])
    with pytest.raises(ValueError):
        DnsMailDomains(["not a server:x"])
