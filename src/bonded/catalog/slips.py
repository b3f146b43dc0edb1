"""Slips of the pen in names: a letter too many, too few, wrong, or two swapped. Pure.

Two names that differ by one slip become equal when a letter is left out of each (symmetric deletion, as in Garbe's SymSpell),
so each name is kept with every letter left out once, and near names are found by look-up instead of by comparing with all.
"""

from __future__ import annotations

import hashlib

SHORTEST = 4
"""Shorter names are all near each other."""
LONGEST = 48
MOST = 2
"""Slips that a near name may have."""


def squashed(key: str) -> str:
    """A normalized name without dashes: `scikitlearn` is meant for `scikit-learn`."""
    return key.replace("-", "")


def slips(key: str) -> set[int]:
    """What a normalized name is found by: 64-bit numbers, of itself and of itself without each letter."""
    text = squashed(key)
    forms = {text}
    if SHORTEST <= len(text) <= LONGEST:
        forms |= {text[:at] + text[at + 1 :] for at in range(len(text))}
    return {_number(form) for form in forms if form}


def distance(one: str, other: str) -> int:
    """Least number of letters to add, drop, change or swap with the next, to make one text of the other (OSA distance)."""
    before, row = [0] * (len(other) + 1), list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        older, before, row = before, row, [i] + [0] * len(other)
        for j, b in enumerate(other, start=1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], older[j - 2] + 1)
    return row[-1]


def _number(form: str) -> int:
    return int.from_bytes(hashlib.blake2b(form.encode(), digest_size=8).digest(), "big", signed=True)
