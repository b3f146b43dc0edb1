"""Addresses inside this site: where a page may send its visitor. Pure."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


def local_path(path: str, fallback: str = "/") -> str:
    """`path` when it is an absolute path on this site, else `fallback`: so no link of ours leads elsewhere. It comes back as
    ASCII, percent-encoded where it was not, because it goes into headers.

    Browsers read `//host` and `/\\host` as another host, and drop tabs and newlines before they look.
    """
    if not path.startswith("/") or path[1:2] in ("/", "\\") or any(c <= " " or c == "\\" for c in path):
        return fallback
    try:
        parts = urlsplit(path)
    except ValueError:
        return fallback
    return fallback if parts.scheme or parts.netloc else quote(path, safe=_VISIBLE)


def with_part(path: str, place: int, text: str) -> str:
    """`path`, percent-encoded, with its part number `place` (from 0) replaced by `text`, encoded as it must be."""
    parts = path.split("/")
    parts[place + 1] = quoted(text)
    return "/".join(parts)


def quoted(text: str) -> str:
    """`text` for use as one value in a query."""
    return quote(text, safe="")
