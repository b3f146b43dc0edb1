"""Code as evidence: lines of a member with numbers, colours and the finding's lines marked. Pure; nothing is ever run.

Package text is hostile: it is capped, escaped, and every invisible or direction-changing character is made visible.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from markupsafe import Markup
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, String, _TokenType

from bonded.web.words import visible

MOST_CHARACTERS = 24_000
LONGEST_LINE = 600

LEXERS = {
    ".py": "python",
    ".pyi": "python",
    ".pyx": "cython",
    ".pth": "python",
    ".sh": "bash",
    ".ps1": "powershell",
    ".bat": "batch",
    ".js": "javascript",
    ".json": "json",
    ".toml": "toml",
    ".cfg": "ini",
    ".ini": "ini",
    ".c": "c",
    ".h": "c",
}

CLASSES: tuple[tuple[Any, str], ...] = (
    (Keyword, "k"),
    (String, "s"),
    (Number, "m"),
    (Comment, "c"),
    (Name.Builtin, "n"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number in the member, its HTML, and whether the finding is about it."""

    number: int
    html: Markup
    hit: bool


def lines(text: str, *, path: str, first: int, hits: Collection[int]) -> list[Line]:
    """`text`, which begins at line `first` of the member `path`, as lines of HTML; numbers in `hits` are marked.

    At most MOST_CHARACTERS of the text, and of each line LONGEST_LINE; what was cut is said in its place.
    """
    shown = text[:MOST_CHARACTERS].replace("\r\n", "\n")
    out = []
    for offset, parts in enumerate(_split(_tokens(shown, path))):
        number = first + offset
        out.append(Line(number, _html(parts), number in hits))
    if len(text) > MOST_CHARACTERS:
        more = Markup('<span class="dim">… {} more characters</span>').format(len(text) - MOST_CHARACTERS)
        out.append(Line(first + len(out), more, False))
    return out


def _tokens(text: str, path: str) -> Iterator[tuple[_TokenType | None, str]]:
    name = LEXERS.get(PurePosixPath(path).suffix.lower())
    if name is None:
        yield None, text
        return
    yield from _lexer(name).get_tokens(text)


@lru_cache(maxsize=32)
def _lexer(name: str) -> Any:
    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


def _split(tokens: Iterator[tuple[_TokenType | None, str]]) -> Iterator[list[tuple[_TokenType | None, str]]]:
    """Tokens by line: one that spans lines is cut at each line end."""
    line: list[tuple[_TokenType | None, str]] = []
    for kind, text in tokens:
        first, *rest = text.split("\n")
        line.append((kind, first))
        for part in rest:
            yield line
            line = [(kind, part)]
    if any(text for _, text in line):
        yield line


def _html(parts: list[tuple[_TokenType | None, str]]) -> Markup:
    out, left = [], LONGEST_LINE
    for kind, text in parts:
        if not text:
            continue
        name = next((css for known, css in CLASSES if kind is not None and kind in known), "")
        html = visible(text[:left])
        out.append(Markup('<span class="{}">{}</span>').format(name, html) if name else html)
        left -= len(text)
        if left < 0:
            out.append(Markup('<span class="dim"> … {} more characters</span>').format(-left))
            break
    return Markup("").join(out)
