"""Verified files on disk, by sha256, under a bound. Several processes may share one folder.

A file gets its name only once its bytes hash to it. What an earlier process left is hashed again before its first use,
so that a bad disk or a crash in the middle of a write is noticed. The least recently used go first.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

DEFAULT_LIMIT = 5 * 1024**3
_ABANDONED = 24 * 3600.0
_KEPT = 0.9
"""Share of the bound that is left after clearing, so that not every new file clears."""


@dataclass(frozen=True, slots=True)
class _Seen:
    inode: int
    modified: int
    size: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Seen:
        return cls(status.st_ino, status.st_mtime_ns, status.st_size)


class FileCache:
    """Files of at most `limit` bytes in all under `folder`. For use by many threads."""

    def __init__(self, folder: Path, limit: int = DEFAULT_LIMIT) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._verified: dict[str, _Seen] = {}
        self._total = 0
        self._flatten()
        self.clear_up(time.time())

    def open(self, sha256: str) -> BinaryIO | None:
        """The file of this hash, open for reading (it stays readable when it is removed meanwhile), or None."""
        path = self._path(sha256)
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return None
        status = os.fstat(file.fileno())
        if self._verified.get(sha256) != _Seen.of(status):
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                file.close()
                path.unlink(missing_ok=True)
                return None
            file.seek(0)
            self._verified[sha256] = _Seen.of(status)
        with suppress(OSError):  # removed by another process; ours is open
            os.utime(path, ns=(time.time_ns(), status.st_mtime_ns))
        return file

    def has(self, sha256: str) -> bool:
        """Whether there is a file of this name; `open` may yet find that it is damaged."""
        return self._path(sha256).exists()

    def begin(self) -> BinaryIO:
        """A new file to write and read, which `keep` or `abandon` must end."""
        path = self._folder / f".part-{secrets.token_hex(8)}"
        return open(path, "x+b", buffering=0, opener=_private)

    def keep(self, part: BinaryIO, sha256: str) -> None:
        """Give `part`, whose bytes the caller has hashed to `sha256`, its name. It stays open."""
        path = self._path(sha256)
        Path(part.name).replace(path)
        status = os.fstat(part.fileno())
        self._verified[sha256] = _Seen.of(status)
        with self._lock:
            self._total += status.st_size
            full = self._total > self._limit
        if full:
            self.clear_up(time.time())

    def abandon(self, part: BinaryIO) -> None:
        """Remove what `begin` gave. Those who have it open may read on. Where it cannot be removed, `clear_up` tries again."""
        with suppress(OSError):  # on a disk that went read-only, whoever waits for the file must be told so
            Path(part.name).unlink(missing_ok=True)

    def clear_up(self, now: float) -> None:
        """Remove abandoned parts, and the least recently used files while there is more than the bound."""
        with self._lock:
            for part in self._folder.glob(".part-*"):
                with suppress(FileNotFoundError):
                    if now - part.stat().st_mtime > _ABANDONED:
                        part.unlink()
            self._total = self._clear_files()

    def _flatten(self) -> None:
        """Take files out of the folders in which earlier versions kept them: to make one cost more than to make a file."""
        for folder in self._folder.glob("[0-9a-f][0-9a-f]"):
            with suppress(OSError):  # another process does the same
                for path in folder.iterdir():
                    path.replace(self._folder / path.name)
                folder.rmdir()

    def _clear_files(self) -> int:
        found: list[tuple[float, int, Path]] = []
        for path in self._folder.glob("[0-9a-f]*"):
            with suppress(FileNotFoundError):
                status = path.stat()
                if S_ISREG(status.st_mode):
                    found.append((status.st_atime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        if total > self._limit:
            for _, size, path in sorted(found):
                if total <= self._limit * _KEPT:
                    break
                path.unlink(missing_ok=True)
                self._verified.pop(path.name, None)
                total -= size
        return total

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256


def _private(path: str, flags: int) -> int:
    """A file that nobody else may read, whoever may enter the folder: the index may not be for all."""
    return os.open(path, flags, 0o600)
