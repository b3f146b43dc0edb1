"""Characters that a reader would not see for what they are. Pure."""

from __future__ import annotations

import unicodedata

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_KEPT = frozenset("\n\t")
_LOOKALIKE_BLANKS = frozenset("\u00a0\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u2800\u3164\ufeff\uffa0")


def strange(char: str) -> bool:
    """Whether a reader would not see `char` for what it is: controls, bidi and format marks, invisible blanks."""
    if char in _KEPT or " " <= char <= "~":
        return False
    if char in _BIDI or char in _LOOKALIKE_BLANKS:
        return True
    return unicodedata.category(char) in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
