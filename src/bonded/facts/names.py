"""Names that are not what they look like: letters that Python folds to others (PEP 3131), and scripts mixed in one name."""

from __future__ import annotations

import io
import re
import tokenize
import unicodedata
from collections.abc import Iterator

from bonded.facts.spend import Spend

_ASCII = bytes(range(128))
_WIDE = re.compile(rb"\xef\xbc[\xa1-\xba]|\xef\xbd[\x81-\x9a]|\xf0\x9d[\x90-\x9f]")
_MIXED = re.compile(rb"[\xd0\xd1][\x80-\xbf](?:[A-Za-z_]|(?<=[A-Za-z_]..))", re.DOTALL)
"""A Cyrillic letter beside a Latin one: written so that the search leaps from one rare byte to the next."""
_LIKE_LATIN = frozenset(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425"
)
"""Cyrillic letters that look like Latin ones."""
_LARGEST = 60_000
"""Bytes of one source that are looked through."""


def hidden_names(data: bytes, spend: Spend) -> Iterator[tuple[str, int, int, str]]:
    """("folded" or "scripts", first line, how many, the first name). Only names count, not texts and comments."""
    if data.isascii() or spend.letters <= 0 or not _gate(data):
        return
    data = data[:_LARGEST]
    spend.letters -= len(data)
    found: dict[str, list[tuple[int, str]]] = {"folded": [], "scripts": []}
    try:
        for token in tokenize.tokenize(io.BytesIO(data).readline):
            if token.type == tokenize.NAME and not token.string.isascii():
                plain = unicodedata.normalize("NFKC", token.string)
                if plain.isascii():
                    found["folded"].append((token.start[0], token.string))
                elif any(one in _LIKE_LATIN for one in plain) and any(one.isascii() and one.isalpha() for one in plain):
                    found["scripts"].append((token.start[0], token.string))
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        pass  # what was read until then counts
    for kind, rows in found.items():
        if rows:
            yield kind, rows[0][0], len(rows), rows[0][1]


def _gate(data: bytes) -> bool:
    """Whether there could be such a name: a plain search, since most files of other languages hold none."""
    others = data.translate(None, _ASCII)  # no pattern of wide letters holds ASCII: there is little left to search
    if _WIDE.search(others) and _WIDE.search(data):
        return True
    return (b"\xd0" in others or b"\xd1" in others) and bool(_MIXED.search(data))
