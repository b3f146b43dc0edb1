"""The nearest popular project of a name. Pure; both names are compared in the normal form of PEP 503."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources
from itertools import pairwise

from bonded.checks.context import Neighbour
from bonded.values.names import normalize

_LOOKALIKES = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "3": "e", "4": "a", "7": "t", "8": "b", "9": "g"})
_ADDED = ("python-", "py-", "py", "python")
_ENDED = ("-python", "-py", "py", "-python3", "3", "2", "-lib", "-dev", "s", "-sdk", "-official")
_LEAST = 5
"""Shorter names are one letter apart by accident."""
_LONG = 7
"""From here on, any other letter is a sign: words of six letters have neighbours that are words too (locket, locked)."""
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SOUNDS = ("aeiouy", "ckq", "sz", "mn", "vw")
"""Letters that are written for each other by people who write from hearing."""


@cache
def popular() -> frozenset[str]:
    """The built-in list of popular names, in their normal form."""
    text = resources.files(__package__).joinpath("popular.txt").read_text("utf-8")
    return frozenset(normalize(line.strip()) for line in text.splitlines() if line.strip() and not line.startswith("#"))


def nearest(name: str, known: Iterable[str] | None = None) -> Neighbour | None:
    """The popular project whose name is nearest to `name`; None when none is near, or `name` is on the list itself."""
    key = normalize(name)
    names = popular() if known is None else frozenset(normalize(one) for one in known)
    if key in names:
        return None
    found = [near for one in sorted(names) if (near := _compare(key, one)) is not None]
    return min(found, key=lambda near: (near.distance, near.name), default=None)


def _compare(key: str, other: str) -> Neighbour | None:
    if abs(len(key) - len(other)) > 10:
        return None
    bare, plain = key.replace("-", ""), other.replace("-", "")
    if bare == plain:
        return Neighbour(other, "only the separators differ", 0.0)
    if skeleton(bare) == skeleton(plain) and len(plain) >= _LEAST - 1:
        return Neighbour(other, "letters that look alike", 0.0)
    if sorted(key.split("-")) == sorted(other.split("-")):
        return Neighbour(other, "the same words in another order", 0.1)
    if len(plain) >= _LEAST and one_apart(bare, plain) and (len(plain) >= _LONG or easily_slipped(bare, plain)):
        return Neighbour(other, "one letter differs", 0.1 if len(plain) >= _LONG else 0.2)
    added = any(key == f"{word}{other}" for word in _ADDED) or any(key == f"{other}{word}" for word in _ENDED)
    if added and len(plain) >= _LEAST:
        return Neighbour(other, "a word is added that changes nothing", 0.25)
    return None


def skeleton(name: str) -> str:
    """`name` with letters that look alike made the same."""
    return name.replace("rn", "m").replace("vv", "w").replace("cl", "d").translate(_LOOKALIKES)


def one_apart(left: str, right: str) -> bool:
    """Whether one insertion, removal, replacement or swap of neighbours turns one into the other."""
    if len(left) > len(right):
        left, right = right, left
    if len(right) - len(left) > 1 or left == right:
        return False
    start = 0
    while start < len(left) and left[start] == right[start]:
        start += 1
    if len(left) < len(right):
        return left[start:] == right[start + 1 :]
    swapped = left[start : start + 2] == right[start : start + 2][::-1] and left[start + 2 :] == right[start + 2 :]
    return swapped or left[start + 1 :] == right[start + 1 :]


def easily_slipped(left: str, right: str) -> bool:
    """Whether somebody who meant one of two names `one_apart` may write the other: a letter dropped, doubled or swapped,
    or another one that is beside it on the keyboard or sounds like it. Nobody misses the first letter."""
    differing = [at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b]
    if len(left) != len(right) or len(differing) != 1:
        return True
    (at,) = differing
    pair = {left[at], right[at]}
    return at > 0 and (frozenset(pair) in _beside() or any(pair <= set(letters) for letters in _SOUNDS))


@cache
def _beside() -> frozenset[frozenset[str]]:
    """Pairs of keys that touch; each row stands half a key to the right of the one above."""
    pairs = {frozenset(pair) for row in _ROWS for pair in pairwise(row)}
    for upper, lower in pairwise(_ROWS):
        pairs |= {frozenset(pair) for shifted in (upper, upper[1:]) for pair in zip(shifted, lower, strict=False)}
    return frozenset(pairs)
