"""What a release says of itself, made fit to show: links lead only to the web. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

LONGEST = 200_000
"""Characters of a description that are shown as text; what is longer is cut."""


@dataclass(frozen=True, slots=True)
class About:
    """`text` is the description as it was written (`catalog.descriptions` has it rendered). `links` are (label, address)."""

    summary: str
    author: str
    licence: str
    requires_python: str
    links: tuple[tuple[str, str], ...]
    classifiers: tuple[str, ...]
    requires: tuple[str, ...]
    text: str


def about(metadata: dict[str, Any]) -> About:
    """The parts of core metadata that the page shows. Whatever is missing or of another type is left out."""
    return About(
        summary=_text(metadata, "summary")[:500],
        author=(_text(metadata, "author") or _text(metadata, "author_email"))[:200],
        licence=(_text(metadata, "license_expression") or _text(metadata, "license"))[:200],
        requires_python=_text(metadata, "requires_python")[:100],
        links=tuple(_links(metadata)),
        classifiers=tuple(_list(metadata, "classifiers")),
        requires=tuple(_list(metadata, "requires_dist")),
        text=_text(metadata, "description")[:LONGEST],
    )


def _links(metadata: dict[str, Any]) -> list[tuple[str, str]]:
    urls = metadata.get("project_urls")
    pairs = list(urls.items()) if isinstance(urls, dict) else []
    if isinstance(urls, list):
        pairs = [(label.strip(), url.strip()) for label, _, url in (str(one).partition(",") for one in urls)]
    home = _text(metadata, "home_page")
    if home:
        pairs.insert(0, ("Homepage", home))
    return [(str(label)[:50], str(url)) for label, url in pairs[:20] if web_address(str(url))]


def web_address(url: str) -> bool:
    """Whether `url` is one that a page may link to: http or https with a host, and no blanks or controls."""
    if any(c <= " " or c == "\x7f" for c in url) or len(url) > 500:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _text(metadata: dict[str, Any], name: str) -> str:
    value = metadata.get(name)
    return value.strip() if isinstance(value, str) else ""


def _list(metadata: dict[str, Any], name: str) -> list[str]:
    value = metadata.get(name)
    return [str(one)[:300] for one in value[:200]] if isinstance(value, list) else []
