"""From the HTML of a renderer to what a page may show: cleaned by nh3, rewritten, and cleaned again. Runs in a child. Pure.

Pictures become links (no host but ours is ever asked), headings go below the page's own, relative links become plain text,
ids and classes get names of their own, characters that nobody sees are shown in code.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import nh3

from bonded.values.prose import CLASSES, ID, REL, SCHEMES, TAGS, VOID, allowed, safe_link
from bonded.values.strange import strange

_READ = TAGS | {
    "h1",
    "h2",
    "img",
    "input",
    "aside",
    "nav",
    "acronym",
    "ins",
    "strike",
    "center",
    "picture",
    "samp",
    "q",
}
_READ_ATTRIBUTES = {
    "*": {"id", "class", "title", "align"},
    "a": {"href", "name"},
    "img": {"src", "alt"},
    "input": {"type", "checked"},
    "ol": {"start", "type"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "details": {"open"},
}
_OTHERS = {
    "acronym": "abbr",
    "aside": "div",
    "nav": "div",
    "ins": "u",
    "strike": "s",
    "center": "div",
    "samp": "code",
    "q": "i",
}
_DROPPED = {"picture"}
_MEANT = {
    "admonition": "note", "attention": "caution", "danger": "warning", "error": "warning", "hint": "tip",
    "markdown-alert-note": "note", "markdown-alert-tip": "tip", "markdown-alert-important": "important",
    "markdown-alert-warning": "warning", "markdown-alert-caution": "caution", "topic": "note", "sidebar": "note",
}  # fmt: skip
_ADMONITIONS = frozenset({"note", "tip", "important", "warning", "caution"})
_NAMED = frozenset(["a", "h3", "h4", "h5", "h6", "summary", "th"])
"""What needs words."""
_BLANKS = re.compile(r"\s+")
DEEPEST = 80


def fit(html: str) -> str:
    """`html` of any renderer as markup that `values.prose.faults` finds nothing wrong with."""
    read = nh3.clean(
        html, tags=set(_READ), attributes=_READ_ATTRIBUTES, url_schemes=set(SCHEMES), link_rel=None, strip_comments=True
    )
    writer = _Writer()
    writer.feed(read)
    writer.close()
    return "".join([*writer.out, *(f"</{tag}>" for tag in reversed(writer.stack) if tag)])


class _Writer(HTMLParser):
    """Reads what nh3 wrote, which is well-formed, and writes every tag anew. Nothing is copied without being escaped."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.stack: list[str] = []
        """What is open, by the tag that was written; "" where none was."""
        self.begun: list[int] = []
        """Where in `out` each of those began."""
        self.ids: set[str] = set()
        self.levels: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "img":
            self._picture(given)
        elif tag == "input":
            self._box(given)
        elif tag in VOID:
            self.out.append(f"<{tag}>")
        else:
            self._open(tag, given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID or tag in ("img", "input") or not self.stack:
            return
        written, begun = self.stack.pop(), self.begun.pop()
        if written in _NAMED and not _says(self.out[begun + 1 :]):
            self._unnamed(written, begun)
        elif written:
            self.out.append(f"</{written}>")

    def _unnamed(self, tag: str, begun: int) -> None:
        """A link or heading without words says nothing to whoever does not see it: only what it holds stays."""
        if tag == "th":
            self.out[begun] = "<td>"
            self.out.append("</td>")
        else:
            self.out[begun] = ""

    def handle_data(self, data: str) -> None:
        self.out.append(shown(data, code="pre" in self.stack or "code" in self.stack or "tt" in self.stack))

    def _open(self, tag: str, given: dict[str, str]) -> None:
        name = self._name(tag)
        if tag == "a":
            name = self._link(given)
        if name and len(self.stack) >= DEEPEST:
            name = ""
        self.stack.append(name)
        self.begun.append(len(self.out))
        if name:
            self.out.append(f"<{name}{self._attributes(name, given)}>")

    def _name(self, tag: str) -> str:
        if re.fullmatch("h[1-6]", tag):
            return self._heading(int(tag[1]))
        if tag in _DROPPED:
            return ""
        return _OTHERS.get(tag, tag)

    def _heading(self, level: int) -> str:
        """Below the page's own h2, and without a step left out, whatever the author began with."""
        while self.levels and self.levels[-1] >= level:
            self.levels.pop()
        self.levels.append(level)
        return f"h{min(2 + len(self.levels), 6)}"

    def _link(self, given: dict[str, str]) -> str:
        href = given.pop("href", "").strip()
        given.setdefault("id", given.pop("name", ""))
        if href.startswith("#") and len(href) > 1:
            href = "#" + _id(href[1:])
        if "a" in self.stack:
            return ""
        if href and safe_link(href):
            given["href"] = href
            if not href.startswith("#"):
                given["rel"] = REL
            return "a"
        return "span"

    def _picture(self, given: dict[str, str]) -> None:
        src, words = given.get("src", "").strip(), _BLANKS.sub(" ", given.get("alt", "")).strip()
        words = words or _last_part(src)
        if not words:
            return
        text = shown(words[:300], code=False)
        if "a" not in self.stack and safe_link(src) and not src.startswith(("#", "mailto:")):
            self.out.append(f'<a class="d-picture" href="{escape(src)}" rel="{REL}">{text}</a>')
        else:
            self.out.append(f'<span class="d-picture">{text}</span>')

    def _box(self, given: dict[str, str]) -> None:
        if given.get("type", "").lower() == "checkbox":
            self.out.append('<span class="d-check">{}</span> '.format("☑" if "checked" in given else "☐"))

    def _attributes(self, tag: str, given: dict[str, str]) -> str:
        kept = {"class": self._classes(tag, given), "id": self._own_id(given.get("id", ""))}
        kept |= {name: given[name] for name in ("href", "rel", "title", "scope", "type") if name in given}
        kept |= {name: _number(given.get(name, "")) for name in ("colspan", "rowspan", "start")}
        if "open" in given:
            kept["open"] = "open"
        if tag == "pre":
            kept |= {"tabindex": "0", "dir": "ltr"}  # it scrolls: the keyboard must reach it
        if kept.get("scope", "") not in ("", "row", "col", "rowgroup", "colgroup"):
            del kept["scope"]
        if kept.get("type", "") not in ("", "1", "a", "A", "i", "I"):
            del kept["type"]
        fitting = {name: value for name, value in kept.items() if value and name in allowed(tag)}
        return "".join(f' {name}="{escape(value)}"' for name, value in sorted(fitting.items()))

    def _own_id(self, asked: str) -> str:
        made = _id(asked) if asked else ""
        if not made or made in self.ids:
            return ""
        self.ids.add(made)
        return made

    def _classes(self, tag: str, given: dict[str, str]) -> str:
        classes = given.get("class", "").split()
        if tag == "span" and "pre" in self.stack:
            return f"d-{classes[0][0]}" if classes and classes[0][:1] in tuple("ckmns") else ""
        meant = [_MEANT.get(one, one) for one in classes]
        kept = {one for one in meant if one in CLASSES and len(one) > 1}
        if tag == "div" and kept & _ADMONITIONS:
            kept = {next(one for one in reversed(meant) if one in _ADMONITIONS)}
        if tag in ("td", "th", "div", "p") and given.get("align", "") in ("center", "right"):
            kept.add(f"align-{given['align']}")
        return " ".join(sorted(f"d-{one}" for one in kept))


def _says(parts: list[str]) -> bool:
    return any((part and not part.startswith("<") and not part.isspace()) or "d-picture" in part for part in parts)


def shown(text: str, *, code: bool) -> str:
    """`text` escaped. What turns text round is always shown as its code point, in code whatever nobody sees."""
    if text.isascii() and (text.isprintable() or not any(strange(char) for char in text)):
        return escape(text)
    return "".join(_mark(char) if _hides(char, code=code) else escape(char) for char in text)


def _hides(char: str, *, code: bool) -> bool:
    if not strange(char):
        return False
    # Joiners and marks of direction are letters of many scripts, soft hyphens and fixed blanks part of good prose.
    return code or "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069" or ord(char) < 0x20 or char == "\x7f"


def _mark(char: str) -> str:
    return f'<span class="d-mark">U+{ord(char):04X}</span>'


def _id(name: str) -> str:
    slug = re.sub(r"[\s<>\"'&]+", "-", unquote(name).strip())[:200]
    return slug if slug.startswith(ID) else ID + slug


def _last_part(url: str) -> str:
    """What to call a picture without words: its file, else its host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return unquote(parts.path.rstrip("/").rpartition("/")[2])[:100] or parts.netloc[:100]


def _number(value: str) -> str:
    return value if value.isascii() and value.isdigit() and 0 < int(value[:6]) < 10_000 and len(value) < 5 else ""
