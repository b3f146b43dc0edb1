"""Zip archives byte by byte, so that any one field can be a lie."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Raw:
    """One member. What is None is computed; `local` and `central` replace fields of one header only."""

    name: bytes
    data: bytes = b""
    method: int = 8
    flags: int = 0
    extra: bytes = b""
    central_extra: bytes | None = None
    comment: bytes = b""
    system: int = 3
    mode: int = 0o100644
    attributes: int | None = None
    descriptor: bytes | None = None
    before: bytes = b""
    """Bytes in front of the local header that belong to nothing."""
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)

    def packed(self) -> bytes:
        if self.method != 8:
            return self.data
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflater.compress(self.data) + deflater.flush()


def descriptor(member: Raw, *, signature: bool = True, wide: bool = False) -> bytes:
    """A true data descriptor."""
    form = "<LQQ" if wide else "<LLL"
    raw = struct.pack(form, zlib.crc32(member.data), len(member.packed()), len(member.data))
    return b"PK\7\x08" * signature + raw


def build(
    *members: Raw, comment: bytes = b"", after: bytes = b"", end: dict[str, int] | None = None, gap: bytes = b""
) -> bytes:
    """The archive of `members`; `after` follows it, `gap` lies before the end record, `end` replaces its fields."""
    out = bytearray()
    directory = bytearray()
    for member in members:
        out += member.before
        offset = len(out)
        packed = member.packed()
        values = {
            "name": member.name,
            "flags": member.flags,
            "method": member.method,
            "crc": zlib.crc32(member.data),
            "packed": len(packed),
            "size": len(member.data),
            "extra": member.extra,
        }
        out += _local(values | member.local) + packed + (member.descriptor or b"")
        there = values | {
            "offset": offset,
            "extra": member.extra if member.central_extra is None else member.central_extra,
        }
        directory += _central(member, there | member.central)
    at = len(out)
    fields = {"entries": len(members), "size": len(directory), "at": at} | (end or {})
    tail = struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, fields["entries"], fields["entries"], fields["size"], fields["at"], len(comment)
    )
    return bytes(out + directory) + gap + tail + comment + after


def _local(v: dict[str, Any]) -> bytes:
    head = struct.pack(
        "<4s5H3L2H",
        b"PK\3\4",
        20,
        v["flags"],
        v["method"],
        0,
        0x21,
        v["crc"],
        v["packed"],
        v["size"],
        len(v["name"]),
        len(v["extra"]),
    )
    return head + v["name"] + v["extra"]


def _central(member: Raw, v: dict[str, Any]) -> bytes:
    attributes = member.mode << 16 if member.attributes is None else member.attributes
    head = struct.pack(
        "<4s6H3L5H2L",
        b"PK\1\2",
        member.system << 8 | 20,
        20,
        v["flags"],
        v["method"],
        0,
        0x21,
        v["crc"],
        v["packed"],
        v["size"],
        len(v["name"]),
        len(v["extra"]),
        len(member.comment),
        0,
        0,
        attributes,
        v["offset"],
    )
    return head + v["name"] + v["extra"] + member.comment
