"""How pages write things: sizes, times, hostile text, names of states. Pure; templates use them as filters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from bonded.values import lists
from bonded.values.strange import strange
from bonded.values.text import iso


def visible(text: str) -> Markup:
    """`text` escaped, with every character that is `strange` shown as its code point in a marked box."""
    if text.isascii() and text.isprintable():
        return escape(text)  # nearly all code, and a page has much of it
    out: list[str] = []
    plain: list[str] = []
    for char in text:
        if strange(char):
            out.append(str(escape("".join(plain))))
            plain.clear()
            out.append(mark(char))
        else:
            plain.append(char)
    out.append(str(escape("".join(plain))))
    return Markup("".join(out))  # noqa: S704 - every part was escaped above


def mark(char: str) -> str:
    """HTML that shows the code point of one strange character and names it to screen readers."""
    name = unicodedata.name(char, "control character").lower()
    return f'<span class="mark" title="{escape(name)}">U+{ord(char):04X}</span>'


def size(count: int, language: str) -> str:
    """`count` bytes in the unit that people read, with one decimal: "1.4 MB" (powers of 1,000)."""
    if count < 1000:
        return f"{format_decimal(count, locale=language)} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 1000 or unit == "GB":
            break
    return f"{format_decimal(round(amount, 1), locale=language)} {unit}"


def number(count: int, language: str) -> str:
    """`count` as the language writes numbers: "1,234"."""
    return format_decimal(count, locale=language)


def time_tag(at: datetime | None, language: str, now: datetime) -> Markup:
    """A <time> element: how long ago within a week, else the date; the exact moment in its attributes. "–" for None."""
    if at is None:
        return Markup("–")
    full = format_datetime(at, "yyyy-MM-dd HH:mm:ss 'UTC'", locale=language)
    age = now - at
    if timedelta(0) <= age < timedelta(days=7):
        text = format_timedelta(-max(age, timedelta(seconds=1)), add_direction=True, locale=language)
    else:
        text = format_date(at, "medium", locale=language)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(iso(at), full, text)


def listed(parts: Iterable[str], language: str) -> Markup:
    """Names and words one after the other as the language writes lists, each in its own direction and with what is strange shown."""
    return Markup(lists.listed((f"<bdi>{visible(part)}</bdi>" for part in parts), language))  # noqa: S704 - all parts are escaped


def named(text: str) -> Markup:
    """A name or an address within a translated sentence: bold, and in its own direction."""
    return Markup("<strong><bdi>{}</bdi></strong>").format(visible(text))


def coded(text: str) -> Markup:
    """A text of ours with its commands, which stand between backquotes as on a command line, as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return Markup("{}").format(text)
    code = Markup('<code translate="no">{}</code>')
    return Markup("").join(code.format(part) if place % 2 else part for place, part in enumerate(parts))


def paragraphs(text: str) -> Markup:
    """A docstring of ours as HTML: blank lines part paragraphs, lines within flow, `**bold**` and code between backquotes."""
    made = []
    for paragraph in text.strip().split("\n\n"):
        parts = [coded(part) for part in " ".join(paragraph.split()).split("**")]
        parts[1::2] = [Markup("<strong>{}</strong>").format(part) for part in parts[1::2]]
        made.append(Markup("<p>{}</p>").format(Markup("").join(parts)))
    return Markup("\n").join(made)


def sentence(text: str) -> str:
    """`text` with a capital at its beginning; refusals are worded to stand within a line as well."""
    return text[:1].upper() + text[1:]


def short(digest: str) -> str:
    """The first 12 characters of a digest, for where the whole one does not fit and is given beside it."""
    return digest[:12]


def masked(email: str) -> str:
    """An address for those who may not have seen it yet: its owner knows it again, nobody else learns it."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}…@{domain}"
