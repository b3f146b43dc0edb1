"""Which links of a project are known to be its own: those into a repository from which a build has published it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from bonded.accounts.publishers import Publisher

HOSTS = {"https://token.actions.githubusercontent.com": "github.com"}
"""Hosts of repositories whose build service issues identities under another name."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link that a release gives; `verified` when it leads into a repository that published the project."""

    label: str
    url: str
    verified: bool


def links(given: Iterable[tuple[str, str]], publishers: Iterable[Publisher]) -> list[Link]:
    """The links with what is known of them; only publishers that were used prove anything."""
    known = [place for one in publishers if one.used_at is not None and (place := repository(one.issuer, one.fields))]
    return [Link(label, url, any(_within(url, place) for place in known)) for label, url in given]


def repository(issuer: str, fields: Mapping[str, str]) -> tuple[str, str] | None:
    """(host, path) of a publisher's repository; None where its build service names none."""
    if {"owner", "repository"} <= fields.keys():
        path = f"{fields['owner']}/{fields['repository']}"
    elif {"namespace", "project"} <= fields.keys():
        path = f"{fields['namespace']}/{fields['project']}"
    else:
        return None
    return HOSTS.get(issuer) or urlsplit(issuer).netloc, path


def _within(url: str, place: tuple[str, str]) -> bool:
    """Whether an address is the repository or something in it; names of people and repositories have no case."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    path = parts.path.strip("/").casefold()
    root = place[1].casefold()
    if any(part in (".", "..") for part in path.split("/")) or "%" in path or "\\" in path:
        return False  # it may lead elsewhere
    return (parts.scheme, parts.netloc.casefold()) == ("https", place[0].casefold()) and (
        path in (root, f"{root}.git") or path.startswith(f"{root}/")
    )
