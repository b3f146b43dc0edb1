"""The Merkle tree of RFC 6962, section 2.1: hashes, roots and proofs over a function that reads subtree hashes. Pure.

`Nodes` answers the hash of the complete subtree (level, position): level 0 are leaves, level k covers 2**k of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

Nodes = Callable[[int, int], bytes]

EMPTY_ROOT = hashlib.sha256(b"").digest()


def hash_leaf(data: bytes) -> bytes:
    """Leaf hash: the prefix 0x00 keeps a leaf from being passed off as an inner node."""
    return hashlib.sha256(b"\x00" + data).digest()


def hash_pair(left: bytes, right: bytes) -> bytes:
    """Inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def completed(seq: int, leaf: bytes, nodes: Nodes) -> Iterator[tuple[int, int, bytes]]:
    """The inner nodes (level, position, hash) that leaf number `seq` (from 0) completes, lowest first."""
    level, position, value = 0, seq, leaf
    while position % 2 == 1:
        value = hash_pair(nodes(level, position - 1), value)
        level, position = level + 1, position // 2
        yield level, position, value


def root(size: int, nodes: Nodes) -> bytes:
    """Root of the tree over the first `size` leaves."""
    return _subtree(0, size, nodes) if size else EMPTY_ROOT


def inclusion(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """Audit path of leaf `index` in the tree of `size` leaves (RFC 6962, 2.1.1), lowest first."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_subtree(middle, end, nodes))
            end = middle
        else:
            path.append(_subtree(start, middle, nodes))
            start = middle
    return path[::-1]


def consistency(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """Proof that the tree of `new` leaves extends the tree of `old` leaves (RFC 6962, 2.1.2). Empty when old == new."""
    if not 0 < old <= new:
        raise ValueError(f"no consistency between sizes {old} and {new}")
    proof: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_subtree(middle, end, nodes))
            end = middle
        else:
            proof.append(_subtree(start, middle, nodes))
            start, whole = middle, False
    if not whole:
        proof.append(_subtree(start, end, nodes))
    return proof[::-1]


def included(leaf: bytes, index: int, size: int, path: Iterable[bytes], expected: bytes) -> bool:
    """Whether `path` proves leaf hash `leaf` at `index` under the root `expected` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    fn, sn, value = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            return False
        if fn % 2 == 1 or fn == sn:
            value = hash_pair(sibling, value)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn // 2, sn // 2
        else:
            value = hash_pair(value, sibling)
        fn, sn = fn // 2, sn // 2
    return sn == 0 and value == expected


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> bool:
    """Whether `proof` shows that the tree with `new_root` extends the one with `old_root` (RFC 9162, 2.1.4.2)."""
    if old == new:
        return not proof and old_root == new_root
    if not 0 < old < new:
        return False
    steps = list(proof) if old & (old - 1) else [old_root, *proof]
    if not steps:
        return False
    fn, sn = old - 1, new - 1
    while fn % 2 == 1:
        fn, sn = fn // 2, sn // 2
    fr = sr = steps[0]
    for value in steps[1:]:
        if sn == 0:
            return False
        if fn % 2 == 1 or fn == sn:
            fr, sr = hash_pair(value, fr), hash_pair(value, sr)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn // 2, sn // 2
        else:
            sr = hash_pair(sr, value)
        fn, sn = fn // 2, sn // 2
    return sn == 0 and fr == old_root and sr == new_root


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return int(1 << ((size - 1).bit_length() - 1))


def _subtree(start: int, end: int, nodes: Nodes) -> bytes:
    """Hash over leaves start..end; `start` is a multiple of the largest power of two that fits, as in any split."""
    value = b""
    for level, position in reversed(list(peaks(start, end))):
        node = nodes(level, position)
        value = hash_pair(node, value) if value else node
    return value


def peaks(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The complete subtrees (level, position) that cover leaves start..end, largest first."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level
