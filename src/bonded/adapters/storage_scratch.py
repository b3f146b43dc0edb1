"""Files that are being written to the store in a folder, in its `.tmp`, until they get their names."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bonded.adapters.storage_bytes import pour, write_all
from bonded.adapters.storage_moves import masked

STALE_SECONDS = 3600


class Scratch:
    """New files under `folder`, which must exist. Safe to use from many threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prefix = f"{folder}/"
        self._names = itertools.count()
        self._token = secrets.token_hex(6)
        self._masked = masked()
        self._forget_stale()

    def name(self) -> str:
        """A path that no other file has."""
        return f"{self._prefix}{os.getpid():x}-{next(self._names):x}-{self._token}"

    def write(self, data: bytes | Path | BinaryIO) -> str:
        """Write `data` to a new file that everybody may read; returns its path."""
        path = self.name()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            if self._masked:
                os.fchmod(descriptor, 0o644)
            if isinstance(data, bytes):
                write_all(descriptor, data)
            else:
                with os.fdopen(os.dup(descriptor), "wb") as file:
                    pour(data, file)
        except BaseException:
            os.unlink(path)  # noqa: PTH108 - paths are plain text here, see storage_files
            raise
        finally:
            os.close(descriptor)
        return path

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Nobody else is inside, in whatever process."""
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _forget_stale(self) -> None:
        """Remove what processes that died while writing left behind."""
        lock = self._folder / "lock"
        try:
            lock.touch()
        except OSError:
            return  # a read-only store: writing says so, with a better message
        now = lock.stat().st_mtime
        for item in os.scandir(self._folder):
            with contextlib.suppress(FileNotFoundError):
                if item.name != "lock" and now - item.stat().st_mtime > STALE_SECONDS:
                    Path(item.path).unlink()
