"""Which addresses count as one place. Pure."""

from __future__ import annotations

import ipaddress


def network_of(ip: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 address: one subscriber has a whole one. "unknown" for what is neither."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False))
