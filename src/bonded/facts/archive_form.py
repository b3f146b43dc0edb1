"""Which form an archive really has: its first and last bytes, never only the end of its name.

Installers differ in what they go by: some by the name, some look for a zip directory at the end of whatever they are
given. So every form that the bytes have is read, and a form that the name does not say is a problem.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

ZIP: Final = "zip"
GZIP, BZIP2, XZ, PLAIN = "tar.gz", "tar.bz2", "tar.xz", "tar"
_ENDS: Final = {
    ZIP: (".whl", ".zip", ".egg"),
    GZIP: (".tar.gz", ".tgz"),
    BZIP2: (".tar.bz2", ".tbz2", ".tbz"),
    XZ: (".tar.xz", ".txz"),
    PLAIN: (".tar",),
}
_MAGIC: Final = ((b"PK\3\4", ZIP), (b"PK\5\6", ZIP), (b"\x1f\x8b", GZIP), (b"BZh", BZIP2), (b"\xfd7zXZ\0", XZ))
_CODES: Final = {ZIP: "zip-no-end", GZIP: "tar-gzip", BZIP2: "tar-bzip2", XZ: "tar-xz", PLAIN: "tar-header"}
_END_SIZE, _MOST_COMMENT = 22, 0xFFFF


def named_form(filename: str) -> str | None:
    """The form that the end of a file name says; None for no archive."""
    return next((form for form, ends in _ENDS.items() if filename.endswith(ends)), None)


def wrong_form(form: str) -> str:
    """The code of the problem that an archive is not of the form that its name says."""
    return _CODES[form]


def real_forms(stream: BinaryIO) -> list[tuple[str, int]]:
    """Every form that the bytes have, with the offset where it begins; [] when they show none. `stream` is left at its start.

    More than one when a zip archive is appended to something else: programs that look for its directory read that one.
    """
    stream.seek(0)
    head = stream.read(512)
    first = next((form for magic, form in _MAGIC if head.startswith(magic)), None)
    if first is None and head[257:262] == b"ustar":
        first = PLAIN
    zip_at = None if first == ZIP else _appended_zip(stream)
    stream.seek(0)
    found = [(first, 0)] if first else []
    return [*found, (ZIP, zip_at)] if zip_at is not None else found


def _appended_zip(stream: BinaryIO) -> int | None:
    """Where a zip archive begins that ends this file, None without one: its end record must lead to its directory."""
    size = stream.seek(0, 2)
    start = max(0, size - _END_SIZE - _MOST_COMMENT)
    stream.seek(start)
    tail = stream.read(size - start)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END_SIZE > len(tail):
        return None
    length, offset = (
        int.from_bytes(tail[at + 12 : at + 16], "little"),
        int.from_bytes(tail[at + 16 : at + 20], "little"),
    )
    directory = start + at - length
    stream.seek(max(directory, 0))
    begins = directory - offset
    return begins if begins >= 0 and length and stream.read(4) == b"PK\1\2" else None


class From:
    """A seekable stream that begins at an offset of another one: a zip archive behind something else."""

    def __init__(self, stream: BinaryIO, offset: int) -> None:
        self._stream, self._offset = stream, offset
        stream.seek(offset)

    def read(self, count: int = -1) -> bytes:
        return self._stream.read(count)

    def seek(self, to: int, whence: int = 0) -> int:
        return self._stream.seek(to + self._offset if whence == 0 else to, whence) - self._offset

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)
