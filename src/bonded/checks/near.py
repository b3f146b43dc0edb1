"""The nearest popular project of a name. Pure; both names are compared in the normal form of PEP 503."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from bonded.checks.context import Neighbour
from bonded.checks.popular import popular
from bonded.values.names import normalize

_LOOKALIKES = str.maketrans(
    {"0": "o", "1": "l", "i": "l", "5": "s", "3": "e", "4": "a", "7": "t", "8": "b", "9": "g", "q": "g"}
)
_FOREIGN = str.maketrans("асеорхуіјѕһӏԁɡɑοαρνικτаСЕОРХАВМНТК", "aceopxyijshldgaoapviktaCEOPXABMHTK")
"""Cyrillic and Greek letters that are drawn like Latin ones."""
_ADDED = ("python-", "py-", "py", "python")
_ENDED = ("-python", "-py", "py", "-python3", "-lib", "-dev", "s", "-sdk", "-official")
NUMBERED = "only a number at the end differs"
LOOKS_ALIKE = "letters that look alike"
SAME_WORDS = "the same words in another order"
CLOSE = 0.1
"""Of popular names, 3 in 100 are this near to another one; one in 20 is near at all."""
_FAMILY = 3
"""Words at the beginning of a name that a family of projects shares."""
_LEAST = 5
"""Shorter names are one letter apart by accident."""
_LONG = 7
"""From here on, any other letter is a sign: words of six letters have neighbours that are words too (locket, locked)."""
_DIGITS = "0123456789"
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SOUNDS = ("aeiouy", "ckq", "sz", "mn", "vw")
"""Letters that are written for each other by people who write from hearing."""


@dataclass(frozen=True)
class _Index:
    """Names by everything that one may be looked up by."""

    plain: dict[str, str]
    skeletons: dict[str, str]
    words: dict[tuple[str, ...], str]
    lengths: dict[int, list[tuple[str, str]]]


@cache
def _index(names: frozenset[str]) -> _Index:
    plain = {name: name.replace("-", "") for name in sorted(names, reverse=True)}
    lengths: dict[int, list[tuple[str, str]]] = {}
    for name, bare in plain.items():
        lengths.setdefault(len(bare), []).append((bare, name))
    return _Index(
        {bare: name for name, bare in plain.items()},
        {skeleton(bare): name for name, bare in plain.items() if len(bare) >= _LEAST - 1},
        {tuple(sorted(name.split("-"))): name for name in plain},
        lengths,
    )


def nearest(name: str, known: Iterable[str] | None = None) -> Neighbour | None:
    """The popular project whose name is nearest to `name`; None when none is near, or `name` is on the list itself.

    `known` are other names than the built-in ones, in their normal form.
    """
    key = normalize(name)
    names = popular() if known is None else frozenset(known)
    if key in names or not key:
        return None
    return min(_near(key, _index(names), names), key=lambda near: (near.distance, near.name), default=None)


def _near(key: str, index: _Index, names: frozenset[str]) -> Iterator[Neighbour]:
    bare = key.replace("-", "")
    if bare in index.plain:
        yield Neighbour(index.plain[bare], "only the separators differ", 0.0)
    if skeleton(bare) in index.skeletons:
        yield Neighbour(index.skeletons[skeleton(bare)], LOOKS_ALIKE, 0.0)
    words = tuple(sorted(key.split("-")))
    if words in index.words:
        yield Neighbour(index.words[words], SAME_WORDS, 0.1)
    for length in (len(bare) - 1, len(bare), len(bare) + 1):
        for plain, other in index.lengths.get(length, ()) if length >= _LEAST else ():
            if not one_apart(bare, plain):
                continue
            if bare.rstrip(_DIGITS) == plain.rstrip(_DIGITS):
                yield Neighbour(other, NUMBERED, 0.4)
            elif length >= _LONG or easily_slipped(bare, plain):
                yield Neighbour(other, "one letter differs", 0.1 if length >= _LONG else 0.2)
    unnumbered = key.rstrip(_DIGITS).rstrip("-")
    if unnumbered != key and unnumbered in names and len(unnumbered.replace("-", "")) >= _LEAST:
        yield Neighbour(unnumbered, NUMBERED, 0.4)
    rests = [key.removeprefix(word) for word in _ADDED] + [key.removesuffix(word) for word in _ENDED]
    for other in rests:
        if other != key and other in names and len(other.replace("-", "")) >= _LEAST:
            yield Neighbour(other, "a word is added that changes nothing", 0.25)


def latin(text: str) -> str:
    """`text` with letters of other scripts that look like Latin ones made Latin, and compatibility forms plain (NFKC)."""
    return unicodedata.normalize("NFKC", text).translate(_FOREIGN)


def warm() -> None:
    """Build the index of popular names now (in a process that will fork)."""
    _index(popular())


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


def begins_so(own: str, name: str, near: Neighbour) -> bool:
    """Whether `own` begins with the same swapped words as `name`, which is `near`'s name with its words in another order."""
    first = name.split("-")[:_FAMILY]
    return near.how == SAME_WORDS and own.split("-")[:_FAMILY] == first != near.name.split("-")[:_FAMILY]
