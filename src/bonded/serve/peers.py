"""Who is at the other end: address, scheme and host, with the word of trusted proxies taken and everybody else's not. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)
_BRACKETS = re.compile(r"\[([^\]]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")

FORWARDED = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "x-real-ip")
"""Headers that say such things; the application sees none of them, only what they came to."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The client: its address ("" when it has none, as over a Unix socket), "http" or "https", the host that it asked.

    `trusted`: the connection itself comes from a trusted proxy.
    """

    address: str
    scheme: str
    host: str
    trusted: bool


def networks(names: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks as written in settings. Raises ValueError in one sentence."""
    found = []
    for name in names:
        try:
            found.append(ipaddress.ip_network(name, strict=False))
        except ValueError:
            raise ValueError(f"{name!r} is neither an address nor a network") from None
    return tuple(found)


def _address(text: str) -> Address | None:
    """An address as in X-Forwarded-For, perhaps with a port; IPv4 in IPv6's clothes is IPv4."""
    text = text.strip()
    if bracketed := _BRACKETS.fullmatch(text):
        text = bracketed[1] or bracketed[2]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_in(address: str, among: tuple[Network, ...]) -> bool:
    """True when `address` is in one of the networks."""
    found = _address(address)
    return found is not None and any(found in network for network in among)


def _last(value: str) -> str:
    return value.rpartition(",")[2].strip()


def resolve(address: str, headers: Mapping[str, str], trusted: tuple[Network, ...], *, scheme: str = "http") -> Peer:
    """Who asks. `address` is the other end of the connection, `headers` have lower-case names, repeated ones joined by
    commas. Each proxy appends to X-Forwarded-For, so the client is the last address that is not a trusted proxy.
    """
    host = headers.get("host", "")
    if not trusted or not is_in(address, trusted):
        return Peer(address, scheme, host, trusted=False)
    client = address
    for part in reversed(headers.get("x-forwarded-for", "").split(",")):
        found = _address(part)
        if found is None:
            break
        client = str(found)
        if not is_in(client, trusted):
            break
    proto = _last(headers.get("x-forwarded-proto", "")).lower()
    forwarded = _last(headers.get("x-forwarded-host", ""))
    return Peer(
        client,
        proto if proto in ("http", "https") else scheme,
        forwarded if is_host(forwarded) else host,
        trusted=True,
    )


def is_host(text: str) -> bool:
    """True for a well-formed Host value: a name or address, perhaps with a port."""
    return len(text) <= 255 and _HOST.fullmatch(text) is not None
