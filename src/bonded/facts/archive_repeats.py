"""Members of a zip archive that were unpacked before, known by the sha256 of their compressed bytes.

The same compressed bytes unpack to the same contents, so what was seen of these need not be seen again: a second release of a
project is mostly made of such members. Only whole, faultless members are noted, and only what the directory says of size and
checksum may be answered with.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, BinaryIO, NamedTuple

LEAST = 1024
"""Unpacked bytes from which on a member is noted: below, unpacking takes no longer than looking it up."""
MOST = 10_000
"""Members that are noted of one archive."""
_CHUNK = 1024 * 1024


class Unpacked(NamedTuple):
    """What a member was when it was unpacked. `size` in bytes, `crc` as zip has it, `head` the first bytes as latin-1."""

    sha256: str
    size: int
    crc: int
    head: str


class Repeated(NamedTuple):
    """A member that is known. `later` unpacks it after all, None where its bytes were not wanted."""

    seen: Unpacked
    later: Callable[[], bytes] | None


class Repeats:
    """What is known of members, by the sha256 of their compressed bytes, and what this archive adds in `noted`."""

    def __init__(self, known: Mapping[str, Unpacked] | None = None, noted: dict[str, Unpacked] | None = None) -> None:
        self._known = known or {}
        self._likely = {(one.size, one.crc) for one in self._known.values()}
        self._noted = noted

    def find(self, stream: BinaryIO, packed: int, size: int, crc: int, *, wanted: bool) -> Repeated | None:
        """The member whose `packed` bytes of deflate come next in `stream`, if it is known with this size and checksum.

        Bytes are read only where some member of that size and checksum is known.
        """
        if (size, crc) not in self._likely:
            return None
        digest, kept, left = hashlib.sha256(), [], packed
        while left and (piece := stream.read(min(_CHUNK, left))):
            digest.update(piece)
            left -= len(piece)
            if wanted:
                kept.append(piece)
        key = digest.hexdigest()
        found = self._known.get(key) if not left else None
        if found is None or (found.size, found.crc) != (size, crc):
            return None
        if self._noted is not None:
            self._noted[key] = found
        return Repeated(found, partial(_inflated, b"".join(kept), size) if wanted else None)

    @property
    def notes(self) -> bool:
        """Whether members are noted."""
        return self._noted is not None and len(self._noted) < MOST

    def note(self, digest: str, seen: Unpacked) -> None:
        """A member was unpacked whole and without fault."""
        if self._noted is not None and seen.size >= LEAST:
            self._noted[digest] = seen


def unpacked_of(raw: Any) -> Unpacked | None:
    """What JSON has of one; None where it makes no sense."""
    match raw:
        case [str(sha256), int(size), int(crc), str(head)] if len(sha256) == 64 and size >= 0:
            return Unpacked(sha256, size, crc, head)
    return None


def _inflated(packed: bytes, size: int) -> bytes:
    return zlib.decompressobj(-15).decompress(packed, size + 1)
