"""Content codings under a cap: pieces of bounded size, however much a compressed answer would expand to (RFC 9110, 8.4).

A decoder never holds more than one piece and its window, so that whoever counts the pieces can stop a bomb early.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import IO, cast

import zstandard

from bonded_client.failures import UndecodableError

ACCEPTED = "zstd, gzip"
"""What we ask for, best first; `identity` is always acceptable."""

PIECE = 64 * 1024
_ZSTD_WINDOW = 8 * 1024 * 1024  # what RFC 8878, 3.1.1.1.2 asks every decoder to support; more is refused


def pieces(raw: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """Decode the chunks of `raw`, yielding pieces of at most PIECE bytes.

    Raises UndecodableError for an unknown coding, broken data, a stream cut short (gzip), or data after its end.
    """
    match coding.strip().lower():
        case "" | "identity":
            return _split(raw)
        case "gzip" | "x-gzip":
            return _gunzip(raw)
        case "zstd":
            return _unzstd(raw)
        case other:
            raise UndecodableError(f"unknown content coding {other!r}")


def _split(raw: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in raw:
        for start in range(0, len(chunk), PIECE):
            yield chunk[start : start + PIECE]


def _gunzip(raw: Iterator[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj(wbits=31)
    for chunk in raw:
        while True:
            try:
                out = inflate.decompress(chunk, PIECE)
            except zlib.error as error:
                raise UndecodableError(str(error)) from error
            if out:
                yield out
            chunk = inflate.unconsumed_tail
            if not chunk and len(out) < PIECE:
                break
        if inflate.unused_data:
            raise UndecodableError("data after the end of the gzip stream")
    if not inflate.eof:
        raise UndecodableError("the gzip stream was cut short")


class _Source:
    """An iterator of chunks as the `read` that zstandard asks for."""

    def __init__(self, raw: Iterator[bytes]) -> None:
        self._raw = _split(raw)

    def read(self, size: int = -1) -> bytes:
        return next(self._raw, b"")


def _unzstd(raw: Iterator[bytes]) -> Iterator[bytes]:
    source = cast("IO[bytes]", _Source(raw))  # it calls `read` only
    with zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(source, read_size=PIECE) as reader:
        while True:
            try:
                out = reader.read(PIECE)
            except zstandard.ZstdError as error:
                raise UndecodableError(str(error)) from error
            if not out:
                return
            yield out
