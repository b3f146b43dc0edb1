"""What a member is by its first bytes, whatever its name says: programs and libraries, byte code, archives, scripts."""

from __future__ import annotations

from typing import Final

HEAD: Final = 64
"""Bytes of a member that are enough to tell."""
ELF, PE, MACHO, PYC, SHORTCUT, JAVA = "elf", "pe", "macho", "pyc", "shortcut", "java"
ZIP, GZIP, SEVEN, RAR, SHEBANG, TEXT, DATA = "zip", "gzip", "7z", "rar", "shebang", "text", "data"
NATIVE: Final = frozenset({ELF, PE, MACHO})
"""Machine code: a program or a library."""
_MAGIC: Final = (
    (b"\x7fELF", ELF),
    (b"\xcf\xfa\xed\xfe", MACHO),
    (b"\xce\xfa\xed\xfe", MACHO),
    (b"\xfe\xed\xfa\xcf", MACHO),
    (b"\xfe\xed\xfa\xce", MACHO),
    (b"PK\3\4", ZIP),
    (b"\x1f\x8b\x08", GZIP),
    (b"7z\xbc\xaf\x27\x1c", SEVEN),
    (b"Rar!\x1a\x07", RAR),
    (b"L\0\0\0\x01\x14\x02\0", SHORTCUT),
    (b"#!", SHEBANG),
)
_PYTHON = (0x0C, 0x0D, 0x0E, 0xF2, 0xF3)
"""Second byte of the magic number of byte code: Python 3, and 2.5 to 2.7."""


def form(head: bytes) -> str:
    """The form of a member that begins with `head` (its first HEAD bytes); "text" or "data" where it is no program."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"\xca\xfe\xba\xbe" and len(head) >= 8:
        return MACHO if int.from_bytes(head[4:8], "big") < 40 else JAVA
    if head[:2] == b"MZ" and b"\0" in head:
        return PE
    if len(head) >= 16 and head[2:4] == b"\r\n" and head[1] in _PYTHON:
        return PYC
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return DATA if b"\0" in head and not wide else TEXT
