"""What a source imports, and the constants that it sets, read from its text without parsing it."""

from __future__ import annotations

import ast
import re
from typing import Any

from bonded.facts.value import UNKNOWN

_REST = rb"[ \t.]([^\n(\\]*(?:\([^)]{0,4000}\)|(?:\\\r?\n[^\n\\]*)+)?)"
_IMPORTS = (re.compile(rb"from" + _REST), re.compile(rb"import" + _REST))
"""Each begins with plain letters: such a search is much faster than one by lines. Whether a line begins there is asked after."""
_IMPORT_CALLS = re.compile(rb"import_(?:_|module)[ \t]*\([ \t]*[rRuU]?[\"']([a-zA-Z0-9_.]{1,200})[\"']")
_WORD = re.compile(rb"[a-zA-Z0-9_]+")


def imported_words(data: bytes) -> set[str]:
    """Every name in the import statements of a member, however they are written, and in calls that import."""
    statements = {
        found.group(1)
        for pattern in _IMPORTS
        for found in pattern.finditer(data)
        if not data[data.rfind(b"\n", 0, found.start()) + 1 : found.start()].strip(b" \t")
    }
    if b"import_" in data:
        statements |= set(_IMPORT_CALLS.findall(data))
    return {word.decode("ascii", "replace") for one in statements for word in _WORD.findall(one)}


def constant_in(data: bytes, name: str) -> Any:
    """The text or bytes that a source sets `name` to, in one line at its top level; UNKNOWN for none."""
    if not name.isidentifier() or not name.isascii():
        return UNKNOWN
    found = re.search(
        rb"^" + name.encode() + rb"[ \t]*(?::[^=\n]{1,60})?=[ \t]*([rbuRBU]{0,2}[\"'][^\n]{0,4000})$",
        data,
        re.MULTILINE,
    )
    try:
        value = ast.literal_eval(found.group(1).decode("utf-8", "replace").strip()) if found else UNKNOWN
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return UNKNOWN
    return value if isinstance(value, (str, bytes)) else UNKNOWN
