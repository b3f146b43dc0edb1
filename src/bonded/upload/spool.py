"""The spooled file of an upload: written once and hashed as it passes; and sweeping what a crash left of one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

SUFFIX = ".upload"


@dataclass(frozen=True, slots=True)
class Received:
    """A finished upload: its form, and its file spooled at `path`. `size` in bytes; digests in hex.

    `filename` is what the client called the file, unchecked. Whoever is done with it calls `discard`.
    """

    fields: dict[str, list[str]]
    filename: str
    path: Path
    size: int
    md5: str
    sha256: str
    blake2_256: str

    def discard(self) -> None:
        """Remove the spooled file; no error when it is gone."""
        self.path.unlink(missing_ok=True)


class Spool:
    """The file while it comes in: written once, hashed as it passes."""

    def __init__(self, folder: Path, filename: str) -> None:
        self.filename = filename
        self.size = 0
        self.path = folder / f"{secrets.token_hex(16)}{SUFFIX}"
        # 0644: the vault links this file rather than copying it, and its folder keeps others out.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        self._file: Any = os.fdopen(descriptor, "wb", 256 * 1024)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._blake2 = hashlib.blake2b(digest_size=32)

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self.size += len(piece)
        for digest in (self._md5, self._sha256, self._blake2):
            digest.update(piece)

    def finish(self, fields: dict[str, list[str]]) -> Received:
        self._file.close()
        return Received(
            fields=fields,
            filename=self.filename,
            path=self.path,
            size=self.size,
            md5=self._md5.hexdigest(),
            sha256=self._sha256.hexdigest(),
            blake2_256=self._blake2.hexdigest(),
        )

    def discard(self) -> None:
        """Remove the file, even when the disk is too full to write what is buffered."""
        with contextlib.suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)


def sweep(folder: Path, *, older_than: timedelta, now: datetime) -> int:
    """Remove spooled files that nobody has written for `older_than`: of processes that died. Returns how many.

    Pass more than an upload may take, so that none in flight is touched.
    """
    count = 0
    for path in folder.glob(f"*{SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            if now.timestamp() - path.stat().st_mtime > older_than.total_seconds():
                path.unlink()
                count += 1
    return count
