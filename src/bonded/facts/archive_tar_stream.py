"""The bytes of a compressed tar archive as a stream of exact reads, unpacked in small pieces under the meter."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

from bonded.facts.archive_budget import Meter
from bonded.facts.archive_form import BZIP2, GZIP, XZ
from bonded.facts.archive_member import Broken, Notes

CHUNK = 256 * 1024
PACKED = 64 * 1024
"""Packed bytes that are unpacked in one go: what is left of them is copied each time."""


class Unpacked:
    """Reads through the compression. One compressed stream only: readers differ in what they do with a second one."""

    def __init__(self, stream: BinaryIO, form: str, meter: Meter, notes: Notes) -> None:
        self._stream, self._meter, self._notes = stream, meter, notes
        self._piece, self._at = b"", 0
        self._pieces = _opened(form)
        self._waiting = b""
        self._over = False

    def read(self, count: int) -> bytes:
        """`count` bytes, fewer only at the end. Raises Broken (damaged, too-large, bomb)."""
        if len(self._piece) - self._at < count:
            self._gather(count)
        piece = self._piece[self._at : self._at + count]
        self._at += len(piece)
        return piece

    def _gather(self, count: int) -> None:
        """Unpack until `count` bytes are there, or all."""
        parts = [self._piece[self._at :]]
        size = len(parts[0])
        while size < count and not self._over:
            parts.append(self._fill())
            size += len(parts[-1])
        self._piece, self._at = b"".join(parts), 0

    def _fill(self) -> bytes:
        if not self._waiting:
            self._waiting = self._stream.read(PACKED)
            self._meter.packed += len(self._waiting)
        piece, self._waiting, ended = self._pieces(self._waiting, CHUNK)
        self._meter.bytes(len(piece))
        if ended:
            self._over = True
            self._check_rest(self._waiting)
        return piece

    def _check_rest(self, rest: bytes) -> None:
        """After the compressed stream only zeros may follow (padding of a tape block)."""
        while rest:
            if rest.strip(b"\0"):
                self._notes.problem("tar-trailing-data", "there are bytes after the end of the compressed archive")
                return
            rest = self._stream.read(CHUNK)


_XZ_MEMORY = 96 * 1024 * 1024
Pieces = Callable[[bytes, int], tuple[bytes, bytes, bool]]
"""(packed bytes, most bytes to unpack) -> (unpacked, packed bytes not used yet, whether the stream has ended)."""


def _opened(form: str) -> Pieces:
    if form == GZIP:
        return _gzip(zlib.decompressobj(31))
    if form == BZIP2:
        return _blocks(bz2.BZ2Decompressor(), "tar-bzip2", "bzip2")
    if form == XZ:
        return _blocks(lzma.LZMADecompressor(memlimit=_XZ_MEMORY), "tar-xz", "xz")
    return _plain


def _plain(packed: bytes, most: int) -> tuple[bytes, bytes, bool]:
    return packed[:most], packed[most:], not packed


def _gzip(inflater: Any) -> Pieces:
    def piece(packed: bytes, most: int) -> tuple[bytes, bytes, bool]:
        try:
            out = inflater.decompress(packed, most)
        except zlib.error as error:
            raise Broken("tar-gzip", f"the archive is no gzip file, or damaged ({error})") from None
        if inflater.eof:
            return out, inflater.unused_data, True
        if not packed and not out:
            raise Broken("tar-truncated", "the compressed archive ends too early")
        return out, inflater.unconsumed_tail, False

    return piece


def _blocks(inflater: Any, code: str, name: str) -> Pieces:
    def piece(packed: bytes, most: int) -> tuple[bytes, bytes, bool]:
        hungry = inflater.needs_input
        try:
            out = inflater.decompress(packed if hungry else b"", most)
        except (OSError, lzma.LZMAError) as error:
            raise Broken(code, f"the archive is no {name} file, or damaged ({error})") from None
        kept = b"" if hungry else packed
        if inflater.eof:
            return out, inflater.unused_data + kept, True
        if hungry and not packed and not out:
            raise Broken("tar-truncated", "the compressed archive ends too early")
        return out, kept, False

    return piece
