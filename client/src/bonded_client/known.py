"""Known vulnerabilities of a release, as the JSON document of the index has them (`vulnerabilities`, as pip-audit reads it).

No signature covers that document: whoever can change it on its way can hide a vulnerability or invent one, and so choose
*when* something is upgraded, but never *to what*, because files are verified. All of it is checked for type and length.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from packaging.version import InvalidVersion, Version
from tuf.api import exceptions

from bonded_client.failures import Failure
from bonded_client.fetcher import Fetcher
from bonded_client.index import Index

LARGEST = 16 * 1024 * 1024
"""Bytes of a document that is still read: the longest description that indexes take is far below."""
_MOST = 5_000
_ID, _TEXT = 200, 20_000


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """`published` is RFC 3339, "" where it is not known; `fixed`: the versions that repair it, in order; `link` is http(s) or ""."""

    id: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    details: str = ""
    link: str = ""
    published: str = ""
    fixed: tuple[str, ...] = ()


def vulnerabilities(fetcher: Fetcher, index: Index, project: str, version: Version) -> tuple[Vulnerability, ...] | None:
    """What the index knows of a release, sorted by id, withdrawn reports left out; None where it has no document of it.

    Raises Failure (malformed), or python-tuf's errors of the download.
    """
    url = urljoin(index.url, f"pypi/{project}/{quote(str(version))}/json")
    try:
        data = fetcher.fetch_all(url, LARGEST)
    except exceptions.DownloadHTTPError as error:
        if error.status_code in {404, 410}:
            return None
        raise
    return parse(data, url)


def parse(data: bytes, url: str) -> tuple[Vulnerability, ...]:
    """The vulnerabilities in a document that came from `url`. Raises Failure (malformed)."""
    try:
        listed = json.loads(data)["vulnerabilities"]
        if not isinstance(listed, list) or len(listed) > _MOST:
            raise TypeError("vulnerabilities is not a list of usual length")
        found = {one.id: one for value in listed if (one := _one(value))}
        return tuple(found[name] for name in sorted(found))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Failure("malformed", f"{url} is not what an index says of a release ({error!r}).") from error


def _one(value: Mapping[str, Any]) -> Vulnerability | None:
    if _text(value, "withdrawn", _ID):
        return None
    name = _line(value["id"])
    link = _text(value, "link", 2_000)
    if urlsplit(link).scheme not in {"http", "https"} or not link.isprintable() or " " in link:
        link = ""
    return Vulnerability(
        name,
        tuple(sorted({_line(one) for one in _list(value, "aliases")} - {name})),
        _text(value, "summary", _TEXT),
        _text(value, "details", _TEXT),
        link,
        _moment(_text(value, "published", _ID)),
        tuple(str(one) for one in sorted(_version(one) for one in _list(value, "fixed_in"))),
    )


def _line(text: object) -> str:
    if not isinstance(text, str) or not text or len(text) > _ID or not text.isprintable():
        raise ValueError("an id is not a short line of text")
    return text


def _list(value: Mapping[str, Any], field: str) -> list[object]:
    listed = value.get(field) or []
    if not isinstance(listed, list) or len(listed) > _MOST:
        raise TypeError(f"{field} is not a list of usual length")
    return listed


def _text(value: Mapping[str, Any], field: str, most: int) -> str:
    """A text, cut at `most` characters, without control characters; "" where there is none."""
    text = value.get(field)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise TypeError(f"{field} is not a text")
    return "".join(c for c in text[:most] if c.isprintable() or c in "\n\t").strip()


def _version(text: object) -> Version:
    try:
        return Version(_line(text))
    except InvalidVersion as error:
        raise ValueError(f"{text!r} is not a version") from error


def _moment(text: str) -> str:
    if not text:
        return ""
    moment = datetime.fromisoformat(text)
    return moment.isoformat() if moment.tzinfo else ""
