"""What a release needs that is not there: added with it, in the newest release that will do. Pure; the index is asked by `newest`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from bonded_client.needs import Need, needs
from bonded_client.packages import Package
from bonded_client.plan import Offer

MOST = 20
"""Packages that one release may bring along; a release that needs more is a move for people."""

Newest = Callable[[Need], Package | None]


def completed(
    name: str, offer: Offer, packages: Mapping[str, Package], environment: Mapping[str, str], newest: Newest
) -> Offer:
    """The offer with the packages that it needs and that are not there, those that these need included.

    What `newest` does not find stays missing, and whoever plans sees a requirement that is not met.
    """
    after = {**packages, name: replace(packages[name], version=offer.version, requires=offer.requires)}
    added: dict[str, Package] = {}
    sought: set[str] = set()
    while len(added) <= MOST:
        missing = [
            need
            for need in needs(after, environment)
            if need.of not in after and need.of not in sought and need.by in {name, *added}
        ]
        if not missing:
            break
        sought.add(missing[0].of)
        found = newest(missing[0])
        if found is not None:
            added[found.name] = after[found.name] = found
    return replace(offer, adds=tuple(added.values()))
