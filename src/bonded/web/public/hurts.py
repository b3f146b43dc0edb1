"""Known vulnerabilities of one release, as its page shows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from bonded.catalog.vulnerabilities import Vulnerability, of_version

MOST = 300


@dataclass(frozen=True, slots=True)
class Shown:
    """One vulnerability. `text`: a line on what it is. `repaired`: versions after this one that repair it, in order."""

    id: str
    text: str
    aliases: tuple[str, ...]
    link: str
    repaired: tuple[str, ...]


def hurts(known: Iterable[Vulnerability], version: str) -> tuple[list[Shown], list[Shown]]:
    """Those that the release has, and those among them that were withdrawn."""
    mine = of_version(known, version)
    live = [_shown(one, version) for one in mine if one.withdrawn is None]
    return live, [_shown(one, version) for one in mine if one.withdrawn is not None]


def _shown(one: Vulnerability, version: str) -> Shown:
    later = tuple(fixed for fixed in one.fixed if _after(fixed, version))
    text = " ".join((one.summary or one.details).split())
    return Shown(one.id, text if len(text) <= MOST else f"{text[: MOST - 1]}…", one.aliases, one.link, later)


def _after(fixed: str, version: str) -> bool:
    try:
        return Version(fixed) > Version(version)
    except InvalidVersion:
        return True
