"""Extra fields of zip headers: well formed, zip64 sizes that agree, none that renames the member."""

from __future__ import annotations

import struct

from bonded.facts.archive_member import Broken, Notes

ZIP64 = 0x0001
RENAMING = {0x7075: "Unicode path", 0x6375: "Unicode comment", 0x0017: "strong encryption", 0x9901: "AES encryption"}
MAX32 = 0xFFFFFFFF


def check_extra(extra: bytes, shown: str, notes: Notes) -> bytes | None:
    """The zip64 field of `extra`, None without one; what is wrong with `extra` goes to `notes`."""
    found: bytes | None = None
    at = 0
    while len(extra) - at >= 4:
        kind, length = struct.unpack_from("<HH", extra, at)
        if at + 4 + length > len(extra):
            notes.problem("zip-extra", "an extra field reaches beyond its header", shown)
            return found
        if kind in RENAMING:
            notes.problem(
                "zip-extra", f"a header has a field for {RENAMING[kind]}, which parsers read differently", shown
            )
        if kind == ZIP64:
            if found is not None:
                notes.problem("zip-zip64", "a header has two zip64 fields", shown)
            found = extra[at + 4 : at + 4 + length]
        at += 4 + length
    if extra[at:].strip(b"\0"):
        notes.problem("zip-extra", "there are stray bytes after the extra fields", shown)
    return found


def central_sizes(
    field: bytes | None, size: int, packed: int, offset: int, shown: str, notes: Notes
) -> tuple[int, int, int]:
    """(size, packed size, offset) of a central entry, from its zip64 field where the header says 0xFFFFFFFF.

    Raises Broken when a value is asked of a field that is not there. A field that repeats a value is allowed if equal.
    """
    wanted = [value == MAX32 for value in (size, packed, offset)]
    if field is None:
        if any(wanted):
            raise Broken("zip-zip64", "a size or offset is in a zip64 field that is not there", shown)
        return size, packed, offset
    numbers = [value for (value,) in struct.iter_unpack("<Q", field[: len(field) // 8 * 8])]
    if len(field) % 8 not in (0, 4) or len(numbers) < sum(wanted):
        raise Broken("zip-zip64", "the zip64 field is too short for what it should say", shown)
    given = (size, packed, offset)
    # Parsers take the values in order for whatever the header leaves open; more values than that are read differently.
    extra_values = len(numbers) > sum(wanted)
    if extra_values and (any(wanted) or tuple(numbers) != given[: len(numbers)]):
        notes.problem("zip-zip64", "the zip64 field says more than it should, or something else", shown)
    values = iter(numbers)
    filled = [next(values) if open_ else value for open_, value in zip(wanted, given, strict=True)]
    return filled[0], filled[1], filled[2]


def local_sizes(field: bytes | None, size: int, packed: int, shown: str, notes: Notes) -> tuple[int, int]:
    """(size, packed size) of a local header; its zip64 field must hold both (APPNOTE 4.5.3)."""
    if field is None or (size != MAX32 and packed != MAX32):
        if size == MAX32 or packed == MAX32:
            notes.problem("zip-zip64", "a local header lacks its zip64 field", shown)
        return size, packed
    if len(field) != 16:
        notes.problem("zip-zip64", "the zip64 field of a local header does not hold two sizes", shown)
        return size, packed
    large_size, large_packed = struct.unpack("<QQ", field)
    return (large_size if size == MAX32 else size), (large_packed if packed == MAX32 else packed)
