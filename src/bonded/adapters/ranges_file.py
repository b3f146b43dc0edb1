"""PasswordRanges from files: one sorted list of hashes, or a folder with one file for each beginning.

Both are forms in which the well-known list can be had: lines `HASH` or `HASH:COUNT` in the order of the hashes (SHA-1 in hex,
whole or cut off after at least 10 digits), or files named by the first 5 digits with lines that hold the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import structlog

log = structlog.get_logger("bonded.accounts")
_STEP = 4096
"""Where fewer bytes than this are left, lines are read one by one."""


class NoRanges:
    """No list: no password is known from leaks."""

    def range(self, prefix: str) -> Iterable[str]:
        return ()


class FileRanges:
    """Reads a sorted file by halving it, or one file of a folder. Opened anew for each question: lists are replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def range(self, prefix: str) -> Iterable[str]:
        try:
            return self._folder(prefix) if self._path.is_dir() else self._file(prefix)
        except OSError as error:
            log.error("the list of leaked passwords cannot be read", path=str(self._path), error=type(error).__name__)
            return ()

    def _folder(self, prefix: str) -> Iterable[str]:
        for name in (prefix, f"{prefix}.txt"):
            path = self._path / name
            if path.is_file():
                return [_hash(line) for line in path.read_bytes().splitlines()]
        return ()

    def _file(self, prefix: str) -> Iterable[str]:
        with self._path.open("rb") as file:
            file.seek(_before(file, prefix.encode()))
            found = []
            for line in file:
                known = _hash(line)
                if known[: len(prefix)] == prefix:
                    found.append(known[len(prefix) :])
                elif known[: len(prefix)] > prefix:
                    break
            return found


def _before(file: BinaryIO, prefix: bytes) -> int:
    """The offset of a line at which to begin: every line that begins with `prefix` is there or after it, and near."""
    low, high = 0, file.seek(0, 2)
    while high - low > _STEP:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()  # what is left of a line
        line = file.readline()
        if line and line[: len(prefix)].upper() < prefix:
            low = middle
        else:
            high = middle
    file.seek(low)
    if low:
        file.readline()
    return file.tell()


def _hash(line: bytes) -> str:
    return line.partition(b":")[0].strip().upper().decode("ascii", "replace")
