"""What somebody wants a token to be, and whether it can be. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bonded.values.actions import ACTIONS
from bonded.values.names import check_project_name, normalize
from bonded.values.pieces import names
from bonded.values.refusals import Refusal, define
from bonded.values.text import has_control

PERMISSIONS = frozenset(a.scope for a in ACTIONS.values() if a.scope)
"""Every permission that a token can carry."""

DEFAULT_LIFETIME = timedelta(days=90)
MAX_LIFETIME = timedelta(days=730)
MAX_LIVE = 200

TOKEN_FORM = define(
    "token-form",
    400,
    "The token cannot be made like this",
    "A token needs a name that none of your other tokens has (1 to 100 characters), at least one permission, valid project "
    "names if it is limited to projects, and an end within two years.",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a token is to be. `projects` empty: all projects that the user ever has a role in, unless it is for a first upload.

    `networks`: addresses or CIDR from which alone it works. `operator`: made on the operator's command line.
    """

    name: str
    projects: tuple[str, ...]
    permissions: tuple[str, ...]
    expires_at: datetime
    operator: bool = False
    networks: tuple[str, ...] = ()
    first_upload: bool = False


def checked(wanted: Wanted, taken: Collection[str], now: datetime) -> Wanted:
    """What is wanted in its usual form; `taken` are the names of the person's live tokens. Raises Refusal (token-form, invalid-name)."""
    name = wanted.name.strip()
    keys = sorted({normalize(check_project_name(one)) for one in wanted.projects})
    granted = sorted(set(wanted.permissions))
    if not 1 <= len(name) <= 100 or has_control(name):
        raise Refusal(TOKEN_FORM, "a token needs a name of 1 to 100 characters")
    if not granted or not PERMISSIONS.issuperset(granted):
        raise Refusal(TOKEN_FORM, f"a token needs at least one of these permissions: {names(sorted(PERMISSIONS))}")
    if not now < wanted.expires_at <= now + MAX_LIFETIME:
        raise Refusal(TOKEN_FORM, "a token must end in the future, within two years")
    if len(taken) >= MAX_LIVE:
        raise Refusal(TOKEN_FORM, f"you have as many tokens as you may have ({MAX_LIVE}): revoke some first")
    if name in taken:
        raise Refusal(TOKEN_FORM, f"you have a token named {name!r} already")
    if wanted.first_upload and (keys or granted != ["upload"]):
        raise Refusal(TOKEN_FORM, "a token for a first upload is for no project yet, and may upload only")
    places = checked_networks(wanted.networks)
    return replace(wanted, name=name, projects=tuple(keys), permissions=tuple(granted), networks=tuple(places))


def checked_networks(networks: Iterable[str]) -> list[str]:
    """Networks in their usual form. Raises Refusal (token-form)."""
    try:
        return sorted({str(ipaddress.ip_network(one.strip(), strict=False)) for one in networks if one.strip()})
    except ValueError:
        raise Refusal(TOKEN_FORM, "networks are addresses such as 192.0.2.7, or ranges such as 192.0.2.0/24") from None
