"""What a request asks for. Pure: path, query and a few headers in, values out."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from packaging.utils import canonicalize_name

_PROJECT = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_PAGE = re.compile(rf"/simple/(?:({_PROJECT})/?)?", re.ASCII)
_FILE = re.compile(rf"/packages/({_PROJECT})/([A-Za-z0-9][A-Za-z0-9._+!~-]*)", re.ASCII)
_HELP = re.compile(r"/help/([a-z-]+)", re.ASCII)
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]*)(?::[0-9]*)?")
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)", re.ASCII)
_Q = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?", re.ASCII)

HTML, V1_HTML, V1_JSON = "text/html", "application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.v1+json"
_LATEST = "application/vnd.pypi.simple.latest+"
_TYPES = {HTML: HTML, V1_HTML: V1_HTML, f"{_LATEST}html": V1_HTML, V1_JSON: V1_JSON, f"{_LATEST}json": V1_JSON}
"""Forms that may be asked for, in order of preference among equals, and what they are sent as."""


@dataclass(frozen=True, slots=True)
class Page:
    """The page of a project by its normalized name, "" for the list of projects."""

    project: str


@dataclass(frozen=True, slots=True)
class Package:
    """A file of a project, or the metadata of one."""

    project: str
    filename: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The same under its right path."""

    path: str


@dataclass(frozen=True, slots=True)
class Help:
    """What a failure means; "" for how to use the proxy."""

    code: str


def asked(target: str) -> Page | Package | Moved | Help | None:
    """What the request target (path and query) names, None for what the proxy does not have."""
    path, mark, query = target.partition("?")
    path = unquote(path, errors="replace")
    if path == "/":
        return Help("")
    if found := _HELP.fullmatch(path):
        return Help(found[1])
    if path == "/simple":
        return Moved("/simple/" + mark + query)
    if found := _PAGE.fullmatch(path):
        right = f"/simple/{canonicalize_name(found[1])}/" if found[1] else "/simple/"
        return Page(right.split("/")[2]) if path == right else Moved(right + mark + query)
    if found := _FILE.fullmatch(path):
        return Package(canonicalize_name(found[1]), found[2])
    return None


def form(accept: str, target: str) -> str | None:
    """The Content-Type to answer with; None for a `?format=` that we have not, which wins over the header (PEP 691).

    Whoever takes none of our forms gets plain HTML, as from the index.
    """
    given = parse_qs(target.partition("?")[2]).get("format", [""])[-1]
    if given:
        return _TYPES.get(given.replace(" ", "+"))
    weights = dict(_weighed(part) for part in accept.lower().split(",") if part.strip())
    return _TYPES[max(_TYPES, key=lambda one: _weight(weights, one))]  # the first of equals


def _weighed(part: str) -> tuple[str, float]:
    value, *parameters = (piece.strip() for piece in part.split(";"))
    q = next((p[2:] for p in parameters if p.startswith("q=")), "1")
    return value, float(q) if _Q.fullmatch(q) else 0.0


def _weight(weights: dict[str, float], one: str) -> float:
    for pattern in (one, one.partition("/")[0] + "/*", "*/*"):
        if pattern in weights:
            return weights[pattern]
    return 0.0


def is_ours(host: str, names: Collection[str]) -> bool:
    """Whether the Host header names us; else some page in a browser has been led here by its own DNS (rebinding)."""
    found = _HOST.fullmatch(host.strip())
    return found is not None and found[1].lower().strip("[]").rstrip(".") in names


def span(header: str, size: int) -> tuple[int, int] | None:
    """Offset and count of the one range in `header`; None to send all (no range, several, or not understood).

    Raises ValueError for a range outside of the file (416).
    """
    found = _RANGE.fullmatch(header.replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        count = min(int(found[2]), size)
        start, end = size - count, size - 1
    else:
        start, end = int(found[1]), min(int(found[2] or size), size - 1)
    if found[1] and found[2] and int(found[2]) < int(found[1]):
        return None
    if start >= size or end < start:
        raise ValueError("outside of the file")
    return start, end - start + 1


def matches(header: str, tag: str) -> bool:
    """Whether If-None-Match `header` has `tag` (weakly), or is *."""
    tags = [one.strip().removeprefix("W/") for one in header.split(",")]
    return header.strip() == "*" or tag in tags
