"""The framing of a zip archive: end record, central directory, local headers, all of which must tell one story.

Parsers differ in which of them they believe, so an archive in which they disagree shows one thing to a scanner and
another to an installer. Every byte of an accepted archive belongs to exactly one record (APPNOTE 6.3.10, section 4.3).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from bonded.facts.archive_budget import Budget
from bonded.facts.archive_member import Broken, Notes
from bonded.facts.archive_zip_extra import central_sizes, check_extra

END = struct.Struct("<4s4H2LH")
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR = struct.Struct("<4sLQL")
CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")

MAX16, MAX32 = 0xFFFF, 0xFFFFFFFF
LARGEST_DIRECTORY = 64 * 1024 * 1024
"""Bytes of a central directory that are read: 60,000 members with names of 1,000 bytes."""


@dataclass(frozen=True, slots=True)
class End:
    """Where the central directory lies, as the end records say: offsets and sizes in bytes from the archive's start."""

    directory_at: int
    directory_size: int
    entries: int
    records_at: int
    """Where the end records begin: the zip64 one when there is one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the central directory. `name` is raw; sizes and `offset` in bytes, zip64 resolved."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    system: int
    attributes: int


def read_end(stream: BinaryIO, size: int, notes: Notes) -> End:
    """Find and check the end records. Raises Broken where there are none to go by."""
    tail_at = max(0, size - END.size - MAX16)
    stream.seek(tail_at)
    tail = stream.read(size - tail_at)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + END.size > len(tail):
        raise Broken("zip-no-end", "this is not a zip archive: it has no end record")
    _, disk, first, here, entries, length, offset, comment_length = END.unpack_from(tail, at)
    comment = tail[at + END.size :]
    if len(comment) != comment_length:
        notes.problem("zip-trailing-data", "there are bytes after the end of the zip archive")
    if b"PK" in comment or any(byte < 32 or byte == 127 for byte in comment):
        notes.problem("zip-comment", "the archive's comment holds more than text")
    if disk or first or here != entries:
        raise Broken("zip-many-disks", "the zip archive says that it is one of several parts")
    at += tail_at
    return _read_end64(stream, at, End(offset, length, entries, at), notes)


def _read_end64(stream: BinaryIO, end_at: int, end: End, notes: Notes) -> End:
    full = end.directory_at == MAX32 or end.directory_size == MAX32 or end.entries == MAX16
    locator = _read_at(stream, end_at - LOCATOR.size, LOCATOR.size) if end_at >= LOCATOR.size else b""
    if locator[:4] != b"PK\6\7":
        if full:
            raise Broken("zip-zip64", "the end record asks for a zip64 end record that is not there")
        return end
    _, disk, at, disks = LOCATOR.unpack(locator)
    raw = _read_at(stream, at, END64.size) if at <= end_at - LOCATOR.size - END64.size else b""
    if len(raw) < END64.size or raw[:4] != b"PK\6\6" or disk or disks > 1:
        raise Broken("zip-zip64", "the zip64 end record is not where its locator says")
    _, length, _, _, disk, first, here, entries, size, offset = END64.unpack(raw)
    if disk or first or here != entries or length != END64.size - 12 or at + END64.size != end_at - LOCATOR.size:
        notes.problem("zip-zip64", "the zip64 end record is not of the plain form")
    for small, large, most in (
        (end.entries, entries, MAX16),
        (end.directory_size, size, MAX32),
        (end.directory_at, offset, MAX32),
    ):
        if small not in (most, large):
            notes.problem("zip-zip64", "the end record and the zip64 end record disagree")
    return End(offset, size, entries, at)


def read_directory(stream: BinaryIO, end: End, budget: Budget, notes: Notes) -> list[Entry]:
    """The entries of the central directory, in its order. Raises Broken where it cannot be followed."""
    if end.directory_at + end.directory_size != end.records_at:
        notes.problem("zip-gap", "the central directory does not end where the end record begins")
        if end.directory_at + end.directory_size > end.records_at:
            raise Broken("zip-directory", "the central directory lies outside the archive")
    if end.directory_size > LARGEST_DIRECTORY:
        raise Broken("too-many-members", "the central directory is too large")
    raw = _read_at(stream, end.directory_at, end.directory_size)
    entries: list[Entry] = []
    at = 0
    while at < len(raw):
        if len(entries) >= budget.members:
            raise Broken("too-many-members", f"the archive has more than {budget.members} members")
        entry, at = _entry(raw, at, notes)
        entries.append(entry)
    if len(entries) != end.entries:
        notes.problem("zip-count", f"the end record says {end.entries} members, the directory has {len(entries)}")
    return entries


def _entry(raw: bytes, at: int, notes: Notes) -> tuple[Entry, int]:
    if len(raw) - at < CENTRAL.size or raw[at : at + 4] != b"PK\1\2":
        raise Broken("zip-directory", "the central directory cannot be read to its end")
    values = CENTRAL.unpack_from(raw, at)
    _, made_by, needed, flags, method, _time, _date, crc, packed, size = values[:10]
    name_length, extra_length, comment_length, disk, _internal, attributes, offset = values[10:]
    name_at = at + CENTRAL.size
    extra_at = name_at + name_length
    after = extra_at + extra_length + comment_length
    if after > len(raw):
        raise Broken("zip-directory", "an entry of the central directory reaches beyond it")
    name, extra = raw[name_at:extra_at], raw[extra_at : extra_at + extra_length]
    shown = name[:200].decode("utf-8", "replace")
    check_needed(needed, method, shown, notes)
    if comment_length:
        notes.problem("zip-comment", "an entry of the central directory has a comment", shown)
    if disk:
        notes.problem("zip-many-disks", "a member says that it is on another disk", shown)
    fields = check_extra(extra, shown, notes)
    size, packed, offset = central_sizes(fields, size, packed, offset, shown, notes)
    return Entry(name, flags, method, crc, packed, size, offset, made_by >> 8, attributes), after


def check_needed(version: int, method: int, shown: str, notes: Notes) -> None:
    """A version needed to extract beyond 4.5 (zip64) makes some parsers give up on the member, or on the archive.

    Other compressions need a higher one, and are a problem of their own.
    """
    if version & 0xFF > 45 and method in (0, 8):
        notes.problem("zip-version", f"a header asks for version {(version & 0xFF) / 10} of the format", shown)


def _read_at(stream: BinaryIO, at: int, count: int) -> bytes:
    stream.seek(at)
    return stream.read(count)
