"""The number that a recovery begins from: above every version that lies in the store. Pure, but for the listing.

An intruder may have created names of the future. Names are created once and cached for a year, so such a number must not
be ours. Names so far ahead that counting would end are passed by, below them: that needs new timestamp and snapshot keys,
since clients that saw the numbers forget them only then (TUF specification, section 5.3.11).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from bonded.seams import Storage

LAST = 2**53 - 1
"""The last whole number that clients in JavaScript count to."""
FAR = 2**52
"""From here on numbers are somebody's mischief: at ten a second we would be there in fourteen million years."""
ROOM = 2**32
"""Free numbers that we want ahead of us: 136 years at one a second."""
_NAMES = re.compile(r"(?:metadata/(\d+)\.(?!root\.)[^/]+\.json|publications/(\d+)\.json)(?:\.gz|\.zst)?")


class NoNumber(Exception):
    """No number is left that clients would accept without new keys."""


def versions_in(store: Storage) -> Iterator[int]:
    """Every version under which something signed online, or a record, lies in the store."""
    for prefix in ("metadata/", "publications/"):
        for entry in store.entries(prefix):
            if found := _NAMES.fullmatch(entry.name):
                yield int(found[1] or found[2])


def number_above(found: Iterable[int], least: int, *, new_keys: bool) -> int:
    """The smallest number above all of `found` and not below `least`; with `new_keys` one that leaves room to count on.

    Raises NoNumber.
    """
    taken = sorted(set(found))
    top = max([least - 1, *taken])
    if top + 1 < FAR:
        return top + 1
    if not new_keys:
        raise NoNumber(
            f"version {top} is in use: clients that saw it go on only when timestamp and snapshot keys are replaced"
        )
    ends = [least - 1, *(n for n in taken if least <= n <= LAST), LAST]
    gaps = [(after - before, before + 1) for before, after in pairwise(ends)]
    roomy = next((first for width, first in gaps if width > ROOM), None)
    if roomy is not None:
        return roomy
    width, first = max(gaps)
    if width < 2:
        raise NoNumber("every number is taken: delete what lies under metadata/ with a version beyond the live one")
    return first
