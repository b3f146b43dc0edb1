"""MailDomains by DNS: MX first, then an address (RFC 5321, 5.1); a null MX says that there is no mail (RFC 7505)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import dns.exception
import dns.name
import dns.resolver

from bonded.seams import MailDomain


class DnsMailDomains:
    """Asks `servers` (ADDRESS or ADDRESS:PORT; none: those of this machine), `timeout` seconds for all of it.

    Raises ValueError for what is no address.
    """

    def __init__(self, servers: Sequence[str] = (), timeout: float = 5.0) -> None:
        self._resolver = dns.resolver.Resolver(configure=not servers)
        self._resolver.lifetime = timeout
        self._resolver.cache = None
        if servers:
            self._resolver.nameservers = [
                dns.nameserver.Do53Nameserver(host, int(port)) for host, port in map(_split, servers)
            ]

    def look(self, domain: str) -> MailDomain:
        """What the domain's MX says; without one, whether it has an address."""
        try:
            answers = self._resolver.resolve(dns.name.from_text(domain), "MX")
            null = all(answer.exchange == dns.name.root for answer in answers)
            return MailDomain.GONE if null else MailDomain.TAKES_MAIL
        except dns.resolver.NXDOMAIN:
            return MailDomain.GONE
        except dns.resolver.NoAnswer:
            return self._address(domain)
        except (dns.exception.DNSException, OSError, ValueError):
            return MailDomain.UNKNOWN

    def _address(self, domain: str) -> MailDomain:
        """A domain without MX takes mail at its own address; one with neither takes none, but that is said only of both."""
        silent = 0
        for kind in ("A", "AAAA"):
            try:
                self._resolver.resolve(dns.name.from_text(domain), kind)
                return MailDomain.TAKES_MAIL
            except dns.resolver.NoAnswer:
                silent += 1
            except (dns.exception.DNSException, OSError, ValueError):
                return MailDomain.UNKNOWN
        return MailDomain.GONE if silent == 2 else MailDomain.UNKNOWN


def _split(server: str) -> tuple[str, str]:
    host, port = _parts(server)
    return str(ipaddress.ip_address(host)), port


def _parts(server: str) -> tuple[str, str]:
    if server.startswith("["):
        host, _, port = server[1:].partition("]")
        return host, port.lstrip(":") or "53"
    host, _, port = server.partition(":")
    return (host, port or "53") if server.count(":") == 1 else (server, "53")
