"""The markup that a description may have on a page, and a judge of it that shares no code with what makes it. Pure.

The renderer and the sanitiser run in a child over hostile text. What comes out of the child is judged here before it is
kept: a small, strict reading of tags and attributes, which refuses whatever it would not have written itself.
"""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlsplit

_TAGS = (
    "a abbr b blockquote br caption cite code col colgroup dd del details div dl dt em figcaption figure h3 h4 h5 h6 hr i kbd "
    "li ol p pre s section small span strong sub summary sup table tbody td tfoot th thead tr tt u ul var"
)
TAGS = frozenset(_TAGS.split())
VOID = frozenset({"br", "col", "hr"})
ID = "user-content-"
"""What every id of a description begins with: so none is one of the page's own."""
_CLASSES = "c k m n s mark picture hint note tip important warning caution check line-block align-center align-right"
CLASSES = frozenset(_CLASSES.split())
"""Classes of a description carry the prefix `d-` on the page, so that it cannot look like the page around it."""
SCHEMES = frozenset({"http", "https", "mailto"})
MOST_DEPTH = 100
MOST_CHARACTERS = 1_500_000
ATTRIBUTES: dict[str, frozenset[str]] = {
    "a": frozenset({"href", "rel", "title", "class", "id"}),
    "abbr": frozenset({"title"}),
    "code": frozenset({"class"}),
    "details": frozenset({"open"}),
    "div": frozenset({"class", "id", "tabindex"}),
    "ol": frozenset({"start", "type"}),
    "p": frozenset({"class", "id"}),
    "pre": frozenset({"class", "tabindex", "dir"}),
    "section": frozenset({"class", "id"}),
    "span": frozenset({"class", "title", "id"}),
    "td": frozenset({"colspan", "rowspan", "class"}),
    "th": frozenset({"colspan", "rowspan", "class", "scope"}),
}
WITH_ID = frozenset({"dd", "dl", "dt", "h3", "h4", "h5", "h6", "li", "ol", "sup", "table", "td", "th", "ul"})
REL = "nofollow ugc noopener"
"""Of every link that leads away: no weight for search engines, no handle on our window."""
_NUMBERS = frozenset({"colspan", "rowspan", "start", "tabindex"})
_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?: [a-z]+="[^"<>]*")*)>')
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"<>]*)"')
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|#x27);")
"""All that an escaper writes; any other could hide what it stands for."""


def allowed(tag: str) -> frozenset[str]:
    """The attributes that `tag` may have."""
    return ATTRIBUTES.get(tag, frozenset()) | ({"id"} if tag in WITH_ID else frozenset())


def safe_link(url: str) -> bool:
    """Whether a description may link to `url`: on the web, a mail address, or a place within itself."""
    if url.startswith("#"):
        return url.startswith("#" + ID) and not any(c <= " " for c in url)
    if any(c <= " " or c in "\\\x7f" for c in url) or len(url) > 2000:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in SCHEMES and bool(parts.netloc or (parts.scheme == "mailto" and parts.path))


def faults(html: str) -> str:
    """ "" when `html` may stand in a page, else what is wrong with it, in a few words. Takes linear time."""
    if len(html) > MOST_CHARACTERS:
        return "it is too long"
    open_tags: list[str] = []
    place = 0
    for found in _TAG.finditer(html):
        wrong = _text(html[place : found.start()]) or _tag(found, open_tags)
        if wrong:
            return wrong
        place = found.end()
    return _text(html[place:]) or (f"<{open_tags[-1]}> is not closed" if open_tags else "")


def _text(text: str) -> str:
    if "<" in text or ">" in text:
        return "something looks like a tag and is none that is allowed"
    return "an & stands for nothing" if text.count("&") != len(_ENTITY.findall(text)) else ""


def _tag(found: re.Match[str], open_tags: list[str]) -> str:
    closing, tag, attributes = found.groups()
    if tag not in TAGS:
        return f"<{tag}> is not allowed"
    if closing:
        return "" if not attributes and open_tags and open_tags.pop() == tag else f"</{tag}> closes nothing"
    if tag not in VOID:
        open_tags.append(tag)
    if len(open_tags) > MOST_DEPTH:
        return "it is nested too deeply"
    if tag == "a" and "a" in open_tags[:-1]:
        return "a link stands within a link"
    for name, value in _ATTRIBUTE.findall(attributes):
        if name not in allowed(tag) or not _value(name, value):
            return f"the attribute {name} of <{tag}> is not allowed"
    return ""


def _value(name: str, value: str) -> bool:
    if value.count("&") != len(_ENTITY.findall(value)):
        return False
    if name == "href":
        return safe_link(unescape(value))
    if name == "rel":
        return value == REL
    if name == "id":
        return value.startswith(ID)
    if name == "class":
        return all(one.removeprefix("d-") in CLASSES and one.startswith("d-") for one in value.split())
    if name in _NUMBERS:
        return value.isascii() and value.isdigit() and len(value) < 6
    return name in ("title", "open", "type", "scope", "dir")
