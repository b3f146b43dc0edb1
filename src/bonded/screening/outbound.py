"""Speaking to addresses that people gave us, without being led astray (SSRF).

A name is resolved once, every address that it has must be allowed, and the connection goes to one of those very addresses:
a name that answers otherwise the next time gains nothing. Private, loopback, link-local and other special addresses are
refused, IPv4 inside IPv6 too, unless the host is on the operator's list of private ones. Redirects are never followed here.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from bonded.values.listening import Listening
from bonded.values.refusals import Refusal, define

ADDRESS_REFUSED = define(
    "address-refused",
    400,
    "The address is not allowed",
    "This index speaks only to addresses that its operator allows: https, a host name spelled plainly, without credentials, "
    "and no private or special network. The operator lists hosts in service.fetch_hosts and service.private_hosts.",
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.ASCII)
PORTS = {"http": 80, "https": 443}
PIECE = 16_384
"""Of a body: a record of TLS."""

Resolve = Callable[[str, int], Iterable[str]]
"""Host and port -> addresses. Raises OSError."""


class Unreachable(Exception):
    """The other side did not answer as it should; trying again may help. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """A plainly spelled address. `host` is lower-case without brackets; `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Scheme and host, and the port where it is another than usual: what can be shown when the rest is a secret."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def netloc(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may be spoken to. `hosts` None: everybody who is public; else only these. Entries as in the settings."""

    hosts: tuple[str, ...] | None
    private_hosts: tuple[str, ...] = ()

    def is_private(self, target: Target) -> bool:
        """Whether the operator allows private addresses, and no TLS, for it."""
        return any(_matches(entry, target) for entry in self.private_hosts)

    def check(self, target: Target) -> None:
        """Raises Refusal (address-refused) by what is written, before anything is resolved."""
        if self.hosts is not None and not any(_matches(entry, target) for entry in self.hosts):
            raise Refusal(ADDRESS_REFUSED, f"{target.host} is not among the hosts that the operator allows")
        if target.scheme != "https" and not self.is_private(target):
            raise Refusal(ADDRESS_REFUSED, "the address must begin with https://")

    def check_addresses(self, target: Target, addresses: Iterable[str]) -> list[str]:
        """All addresses of a name, if all are allowed. Raises Refusal (address-refused), Unreachable for none."""
        found = list(dict.fromkeys(addresses))
        if not found:
            raise Unreachable(f"{target.host} has no address")
        if not self.is_private(target) and not all(map(is_public, found)):
            raise Refusal(ADDRESS_REFUSED, f"{target.host} leads into a private or special network")
        return found


def parse(url: str) -> Target:
    """The target of `url`. Raises Refusal (address-refused) for anything that is not spelled plainly."""
    try:
        if not url.isascii() or not url.isprintable() or any(c in url for c in ' \\"<>^`{|}') or len(url) > 2000:
            raise ValueError
        parts = urlsplit(url)
        host, port = (parts.hostname or ""), parts.port
    except ValueError:
        raise Refusal(ADDRESS_REFUSED, "the address cannot be read") from None
    if parts.scheme not in PORTS or parts.username is not None or parts.password is not None or parts.fragment:
        raise Refusal(ADDRESS_REFUSED, "an address is https://HOST/PATH, without credentials or fragment")
    if "%" in parts.netloc or not _plain_host(host):
        raise Refusal(ADDRESS_REFUSED, "the host of the address is not spelled plainly")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path)


def is_public(address: str) -> bool:
    """Whether an IP address is of the open internet, whatever it is wrapped in."""
    try:
        ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and (
        ip.ipv4_mapped or ip.is_site_local or any(ip in net for net in _WRAPPED)
    ):
        return False  # an honest name has the IPv4 address itself
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


_WRAPPED = tuple(map(ipaddress.IPv6Network, ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `headers` have lower-case names; `body` only where no stream was given to take it."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses that this machine's resolver gives."""
    return [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def ask(
    method: str,
    target: Target,
    rules: Rules,
    *,
    timeout: float,
    headers: Mapping[str, str],
    body: bytes | None = None,
    into: BinaryIO | None = None,
    most: int = 65_536,
    resolve: Resolve = system_resolver,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """One request, `timeout` seconds in all. The answer's body goes `into` a file, at most `most` bytes, or is returned.

    Raises Refusal (address-refused) where it may not be asked, Unreachable where it does not answer, is too slow, or says
    more than `most`.
    """
    rules.check(target)
    deadline = time.monotonic() + timeout
    try:
        addresses = rules.check_addresses(target, resolve(target.host, target.port))
        with _connected(addresses, target, deadline, tls) as sock:
            return _speak(sock, method, target, headers, body, into, most, deadline)
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise Unreachable(f"{target.host} does not answer: {type(error).__name__}") from None


def _connected(addresses: list[str], target: Target, deadline: float, tls: ssl.SSLContext | None) -> socket.socket:
    """A connection to the first address that takes one: to an address that was checked, never to the name."""
    last: OSError = OSError("no address")
    for address in addresses[:4]:
        try:
            sock = socket.create_connection((address, target.port), timeout=_left(deadline))
        except OSError as error:
            last = error
            continue
        if target.scheme == "http":
            return sock
        try:
            return (tls or ssl.create_default_context()).wrap_socket(sock, server_hostname=target.host)
        except BaseException:
            sock.close()
            raise
    raise last


def _speak(
    sock: socket.socket,
    method: str,
    target: Target,
    headers: Mapping[str, str],
    body: bytes | None,
    into: BinaryIO | None,
    most: int,
    deadline: float,
) -> Answer:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = sock
    connection.putrequest(method, target.path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": target.netloc, "Connection": "close", **headers}.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    sock.settimeout(_left(deadline))
    connection.endheaders(body[:PIECE] if body is not None else None)
    for at in range(PIECE, len(body or b""), PIECE):  # whoever takes it in drips gets no more time for it
        sock.settimeout(_left(deadline))
        connection.send((body or b"")[at : at + PIECE])
    reply = http.client.HTTPResponse(cast("socket.socket", Listening(sock, partial(_left, deadline))), method=method)
    reply.begin()
    kept, size = bytearray(), 0
    while True:
        piece = reply.read1(65_536)
        if not piece:
            break
        size += len(piece)
        if size > most:
            raise Unreachable(f"{target.host} sends more than {most} bytes")
        if into is not None and reply.status == 200:
            into.write(piece)
        else:
            kept += piece[: max(0, 65_536 - len(kept))]
    if reply.length:  # http.client counts down what was announced
        raise Unreachable(f"{target.host} ended before all it had announced")
    return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, bytes(kept))


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _plain_host(host: str) -> bool:
    if ":" in host or _NUMERIC.fullmatch(host.rpartition(".")[2]):
        try:
            return str(ipaddress.ip_address(host)) == host
        except ValueError:
            return False
    return 0 < len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.split("."))


def _matches(entry: str, target: Target) -> bool:
    name, colon, port = entry.lower().rpartition(":") if re.search(r":\d+$", entry) else (entry.lower(), "", "")
    if colon and port != str(target.port):
        return False
    if not colon and target.port != PORTS[target.scheme]:
        return False
    name = name.strip("[]")
    return target.host.endswith(name[1:]) and target.host != name[2:] if name.startswith("*.") else target.host == name
