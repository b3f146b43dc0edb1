"""Caveats: what narrows a token. Pure. Each is a JSON array [kind, ...]; an unknown or malformed one refuses everything.

Kinds 0, 1 and 3 are those that PyPI's tokens use, so tools that narrow those work here too:
    [0, not_after, not_before]   seconds since 1970
    [1, [project, ...]]          normalized project names
    [3, user id]
    [100, [permission, ...]]
    [101, [network, ...]]        CIDR
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from bonded.values.names import normalize
from bonded.values.refusals import Refusal, define

TOKEN_EXPIRED = define(
    "token-expired",
    401,
    "The API token has expired",
    "Make a new token on your account's pages, and replace this one where it is used.",
)
TOKEN_NOT_YET = define(
    "token-not-yet-valid",
    403,
    "The API token is not valid yet",
    "Whoever narrowed this token set a time before which it does not work.",
)
TOKEN_PROJECT = define(
    "token-project",
    403,
    "The API token is for other projects",
    "This token is limited to certain projects, and the one in the request is not among them. Use a token for this project, "
    "or one for your whole account.",
)
TOKEN_ADDRESS = define(
    "token-address",
    403,
    "The API token may not be used from here",
    "This token is limited to certain networks, and the request came from another.",
)
TOKEN_CAVEAT = define(
    "token-caveat",
    403,
    "The API token has a restriction that is not understood",
    "Somebody narrowed this token by a rule that this index does not know. To be safe it is refused.",
)


@dataclass(frozen=True, slots=True)
class Use:
    """What a token is being used for. `project` None: for nothing in particular of any project. `ip` "" : unknown."""

    user_id: str
    permission: str
    project: str | None
    now: datetime
    ip: str


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the caveats leave. None: as the database says."""

    projects: frozenset[str] | None = None
    permissions: frozenset[str] | None = None


class _Malformed(Exception):
    pass


def networks(allowed: Iterable[str]) -> str:
    """The caveat that limits a token to networks."""
    return json.dumps([101, list(allowed)])


def apply(caveats: Iterable[str], use: Use) -> Narrowed:
    """Check every caveat against the use. Returns what is left of projects and permissions. Raises Refusal."""
    left = Narrowed()
    for text in caveats:
        try:
            left = _one(json.loads(text), use, left)
        except (_Malformed, ValueError, TypeError, OverflowError, RecursionError):
            raise Refusal(TOKEN_CAVEAT, "the API token has a restriction that this index does not understand") from None
    return left


def until(not_after: datetime, not_before: datetime) -> str:
    """Caveat: only between the two moments."""
    return json.dumps([0, int(not_after.timestamp()), int(not_before.timestamp())])


def for_projects(names: Iterable[str]) -> str:
    """Caveat: only for these projects."""
    return json.dumps([1, sorted({normalize(n) for n in names})])


def for_permissions(permissions: Iterable[str]) -> str:
    """Caveat: only these permissions."""
    return json.dumps([100, sorted(set(permissions))])


def from_networks(networks: Iterable[str]) -> str:
    """Caveat: only from these networks (CIDR). Raises ValueError."""
    return json.dumps([101, [str(ipaddress.ip_network(n)) for n in networks]])


def _one(value: object, use: Use, left: Narrowed) -> Narrowed:
    if not isinstance(value, list) or not value or type(value[0]) is not int or value[0] not in _KINDS:
        raise _Malformed
    return _KINDS[value[0]](value[1:], use, left)


def _time(rest: list[object], use: Use, left: Narrowed) -> Narrowed:
    match rest:
        case [int(not_after), int(not_before)] if type(not_after) is int and type(not_before) is int:
            seconds = use.now.timestamp()
            if seconds >= not_after:
                raise Refusal(TOKEN_EXPIRED, "the API token has expired: make a new one")
            if seconds < not_before:
                raise Refusal(TOKEN_NOT_YET, "the API token is not valid yet")
            return left
    raise _Malformed


def _projects(rest: list[object], _: Use, left: Narrowed) -> Narrowed:
    names = frozenset(normalize(n) for n in _texts(rest))
    both = names if left.projects is None else left.projects & names
    return Narrowed(both, left.permissions)


def _user(rest: list[object], use: Use, left: Narrowed) -> Narrowed:
    if len(rest) != 1 or not isinstance(rest[0], str):
        raise _Malformed
    if rest[0] != use.user_id:
        raise Refusal(TOKEN_CAVEAT, "the API token is limited to another user")
    return left


def _permissions(rest: list[object], _: Use, left: Narrowed) -> Narrowed:
    names = frozenset(_texts(rest))
    return Narrowed(left.projects, names if left.permissions is None else left.permissions & names)


def _networks(rest: list[object], use: Use, left: Narrowed) -> Narrowed:
    networks = [ipaddress.ip_network(n) for n in _texts(rest)]
    try:
        address = ipaddress.ip_address(use.ip)
    except ValueError:
        raise Refusal(TOKEN_ADDRESS, "the API token is limited to networks, and where you are is not known") from None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if not any(address in network for network in networks):
        raise Refusal(
            TOKEN_ADDRESS, "the API token may not be used from this network: use it from where it is meant for"
        )
    return left


def _texts(rest: list[object]) -> list[str]:
    if len(rest) != 1 or not isinstance(rest[0], list):
        raise _Malformed
    found = [item for item in rest[0] if isinstance(item, str)]
    if len(found) != len(rest[0]) or len(found) > 1000:
        raise _Malformed
    return found


_Kind = Callable[[list[object], Use, Narrowed], Narrowed]
_KINDS: dict[int, _Kind] = {0: _time, 1: _projects, 3: _user, 100: _permissions, 101: _networks}
