"""The arithmetic of a Merkle log (RFC 6962): what a proof proves. Pure; written from RFC 9162, 2.1.3.2 and 2.1.4.2."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256(b"").digest()
"""Root of the log without rows."""


def leaf_hash(row: bytes) -> bytes:
    """Hash of a row as a leaf."""
    return hashlib.sha256(b"\x00" + row).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Growing:
    """The root of a log while rows are added, in constant memory: the roots of the complete trees that it is made of."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """`peaks` are those of a log of `size` rows, largest first. Raises ValueError when there are more or fewer."""
        if size < 0 or len(peaks) != size.bit_count():
            raise ValueError(f"a log of {size} rows is not made of {len(peaks)} trees")
        self.size = size
        self.peaks = list(peaks)

    def add(self, leaf: bytes) -> None:
        """The next row, by its leaf hash."""
        value, rest = leaf, self.size
        while rest & 1:
            value, rest = _node(self.peaks.pop(), value), rest >> 1
        self.peaks.append(value)
        self.size += 1

    @property
    def root(self) -> bytes:
        """Root of the rows so far."""
        value = b""
        for peak in reversed(self.peaks):
            value = _node(peak, value) if value else peak
        return value or EMPTY


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` shows that the leaf hash `leaf` is number `index` (from 0) in the log of `size` rows with `root`."""
    if not 0 <= index < size:
        return False
    place, last, value = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            value = _node(sibling, value)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            value = _node(value, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and value == root


def extends(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` shows that the log of `new` rows begins with the very rows of the log of `old` rows."""
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return old_root == EMPTY and not path
    if not 0 < old < new:
        return False
    steps = list(path) if old & (old - 1) else [old_root, *path]
    if not steps:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = steps[0]
    for value in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = _node(value, before), _node(value, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = _node(after, value)
        place, last = place >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root
