"""Compressed copies: which objects get one, and how they are made. Pure.

A response of up to ten packets goes out at once (RFC 6928, the initial window of TCP): compressing what fits saves a
client no wait, and costs the publisher a file. A cache in front may compress small pages on the fly.
"""

from __future__ import annotations

import gzip
import threading
import zlib

import zstandard

WORTH = 14_000
"""Objects of so many bytes and more have compressed copies beside them."""
FAST = 1
"""Level 1 makes signed metadata smaller than level 3 does, in less than half the time: half of it are digests, in which
there is nothing to find (record 14)."""
GZIP = 6

_local = threading.local()


def zst(data: bytes) -> bytes:
    """`data` as one zstd frame (RFC 8878), at the level that is made before a flip."""
    packer = getattr(_local, "packer", None)
    if packer is None:  # a compressor's tables cost more to make than a page to compress, and belong to one thread
        packer = _local.packer = zstandard.ZstdCompressor(level=FAST)
    return bytes(packer.compress(data))


def holds(packed: bytes, end: str, data: bytes) -> bool:
    """Whether a copy, by its ending "gz" or "zst", is of `data`. Never unpacks more than that, whatever the copy says."""
    most = len(data) + 1
    try:
        if end == "gz":
            unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
            return unpack.decompress(packed, most) == data and unpack.eof and not unpack.unused_data
        if zstandard.frame_content_size(packed) != len(data):  # every copy of ours says it
            return False
        return bytes(zstandard.ZstdDecompressor().decompress(packed, allow_extra_data=False)) == data
    except (zlib.error, zstandard.ZstdError):
        return False


def gz(data: bytes) -> bytes:
    """`data` as gzip (RFC 1952) without a time, so equal bytes give equal copies."""
    return gzip.compress(data, GZIP, mtime=0)
