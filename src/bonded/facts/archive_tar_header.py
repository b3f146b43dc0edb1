"""One 512-byte header of a tar archive and the records of a pax header, as values. Pure.

POSIX.1-2001 pax and ustar, and the GNU long names; whatever readers understand differently is a problem or an end.
"""

from __future__ import annotations

from dataclasses import dataclass

from bonded.facts.archive_member import Broken, Kind

BLOCK = 512
ZERO = bytes(BLOCK)

POSIX, GNU, OLD = b"ustar\x0000", b"ustar  \0", bytes(8)
"""Magic and version: POSIX.1-1988, GNU tar, and what was before both."""

KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"1": Kind.HARDLINK,
    b"2": Kind.SYMLINK,
    b"5": Kind.FOLDER,
}
PAX, PAX_GLOBAL, LONG_NAME, LONG_LINK, SPARSE = b"x", b"g", b"L", b"K", b"S"
HARMLESS_GLOBAL = {"comment", "mtime", "uid", "gid", "uname", "gname"}
"""What a global pax header may say: `git archive` writes the commit as a comment."""


@dataclass(frozen=True, slots=True)
class Header:
    """One header as it stands. `name` and `link` are raw bytes; `size` in bytes."""

    name: bytes
    mode: int
    size: int
    type: bytes
    link: bytes
    odd: str
    """What readers understand differently in it, "" for nothing."""


def parse_header(block: bytes) -> Header:
    """The header in a block that is not all zeros. Raises Broken when it is none."""
    check = _number(block[148:156])
    if sum(block) - sum(block[148:156]) + 8 * 32 != check:
        raise Broken("tar-header", "a tar header is damaged (its checksum is wrong)")
    magic = block[257:265]
    prefix = _text(block[345:500])
    odd = ""
    if magic not in (POSIX, GNU, OLD):
        odd = "a header is of an unknown form"
    elif prefix and magic != POSIX:
        odd = "a header that is not POSIX has a name prefix"
    if magic != POSIX:
        prefix = b""
    name = _text(block[:100])
    return Header(
        name=prefix + b"/" + name if prefix else name,
        mode=_number(block[100:108]) & 0o7777,
        size=_number(block[124:136]),
        type=block[156:157],
        link=_text(block[157:257]),
        odd=odd,
    )


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def _number(field: bytes) -> int:
    """An octal number, or one of base 256 (GNU). Raises Broken."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.split(b"\0", 1)[0].strip(b" ")
    if not text:
        return 0
    if not all(0x30 <= c <= 0x37 for c in text):
        raise Broken("tar-header", "a tar header is damaged (a number cannot be read)")
    return int(text, 8)


def parse_pax(data: bytes) -> dict[str, str]:
    """The records of a pax header ("length key=value newline"). Raises Broken where they cannot be followed or repeat."""
    records: dict[str, str] = {}
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 12)
        digits = data[at:space] if space > 0 else b""
        if not digits.isdigit() or digits.startswith(b"0"):
            raise Broken("tar-pax", "a pax header cannot be read")
        end = at + int(digits)
        record = data[space + 1 : end]
        if end > len(data) or not record.endswith(b"\n") or b"=" not in record:
            raise Broken("tar-pax", "a pax header cannot be read")
        key, _, value = record[:-1].partition(b"=")
        name, text = key.decode("utf-8", "replace"), value.decode("utf-8", "replace")
        if name in records:
            raise Broken("tar-pax", f"a pax header says {name!r} twice")
        records[name] = text
        at = end
    return records
