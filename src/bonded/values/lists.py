"""Lists as a language writes them: "a, b, and c", with the comma and the word that are its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from babel.lists import format_list

from bonded.values.languages import PSEUDO, formats_of


@lru_cache(maxsize=1024)
def between(count: int, language: str) -> tuple[str, ...]:
    """What stands between the parts of a list of `count`: one text less than parts."""
    # The pseudo-languages show words that nobody translated: theirs has none.
    style: Literal["unit", "standard"] = "unit" if language in PSEUDO else "standard"
    return tuple(format_list(["\0"] * count, style, formats_of(language)).split("\0")[1:-1])


def listed(parts: Iterable[str], language: str) -> str:
    """The parts, one after the other; "" for none."""
    every = list(parts)
    glue = (*between(len(every), language), "")
    return "".join(part + mark for part, mark in zip(every, glue, strict=bool(every)))
