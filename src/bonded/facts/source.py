"""Source of a Python member: parsed as Python itself would, and piecewise where it cannot be parsed as a whole."""

from __future__ import annotations

import ast
import codecs
import re
import warnings
from dataclasses import dataclass, field

from bonded.facts.salvage import salvage
from bonded.facts.spend import Spend

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_PLAIN = frozenset({"utf-8", "ascii", "iso8859-1", "utf-8-sig"})
SALVAGED = 1_000_000
"""Bytes of the largest broken file that tree-sitter reads; longer ones are cut at their top-level statements."""
_BLOCKS = 3000
"""Most pieces that one broken file is cut into."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """`tree` is None when nothing could be parsed; `broken` holds (first line, text) of pieces that could not."""

    tree: ast.Module | None
    lines: list[str]
    broken: list[tuple[int, str]] = field(default_factory=list)


def encoding(data: bytes) -> str:
    """The encoding that Python would read `data` in (PEP 263), under Python's name for it; "utf-8" by default."""
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    for line in re.split(rb"\r\n|\r|\n", data[:2000], maxsplit=2)[:2]:
        found = _COOKIE.match(line)
        if found:
            try:
                info = codecs.lookup(found.group(1).decode("ascii"))
            except (LookupError, UnicodeDecodeError):
                return "unknown"
            return info.name
    return "utf-8"


def is_plain(data: bytes) -> bool:
    """Whether identifiers can be searched for in the bytes as they are."""
    return encoding(data) in _PLAIN


def text_of(data: bytes) -> str:
    """The text of a member, never failing: what cannot be decoded becomes U+FFFD. Line ends are "\\n"."""
    name = encoding(data)
    try:
        text = data.decode("utf-8" if name == "unknown" else name, "replace")
    except (LookupError, UnicodeError, ValueError):
        text = data.decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse(data: bytes, spend: Spend | None = None) -> Parsed:
    """Parse `data`. Of what cannot be parsed as a whole, the statements that can be read are (`facts.salvage`)."""
    lines = text_of(data).split("\n")
    tree = _tree(data)
    if tree is not None:
        return Parsed(tree, lines)
    found = salvage("\n".join(lines), spend) if len(data) <= SALVAGED else None
    if found is None:
        return _pieces(lines)
    return Parsed(ast.Module(found.body, []), lines, found.broken)


def _tree(data: bytes | str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError, LookupError):
        # LookupError and ValueError: encodings that do not exist, NUL bytes.
        return None


def _pieces(lines: list[str]) -> Parsed:
    body: list[ast.stmt] = []
    broken: list[tuple[int, str]] = []
    for first, text in _blocks(lines):
        tree = _tree(text)
        if tree is None:
            broken.append((first, text))
            continue
        for statement in tree.body:
            ast.increment_lineno(statement, first - 1)
        body += tree.body
    return Parsed(ast.Module(body, []) if body else None, lines, broken)


def _blocks(lines: list[str]) -> list[tuple[int, str]]:
    starts = [n for n, line in enumerate(lines) if line[:1] not in ("", " ", "\t", "#", ")", "]", "}", "\f", "@")]
    starts = [n for n in starts if not re.match(r"(else|elif|except|finally)\b", lines[n])]
    starts = starts[:_BLOCKS] or [0]
    ends = [*starts[1:], len(lines)]
    found = []
    for first, end in zip(starts, ends, strict=True):
        while first and lines[first - 1].startswith("@"):
            first -= 1
        found.append((first + 1, "\n".join(lines[first:end]).replace("\0", "\n") + "\n"))
    return found
