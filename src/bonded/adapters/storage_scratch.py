"""Files that are being written to the store in a folder, in its `.tmp`, until they get their names.

They stand in folders of their own there, and those are replaced after a while, because of where file systems of the ext family
put what is made in a folder: into one group of blocks, where each new file first looks at every inode that was freed within the
last minutes. A sweep frees thousands; with all new files in one folder each then took 180 microseconds instead of 16.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import secrets
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

from bonded.adapters.storage_bytes import pour, write_all
from bonded.adapters.storage_moves import masked
from bonded.adapters.storage_spread import spread

T = TypeVar("T")
STALE_SECONDS = 3600
MOST = 4096
"""So many files are made before the next ones go into other folders."""
SIDE_BY_SIDE = 4
"""Folders at a time, so that processes that write one publication seldom wait for one another at theirs."""
TRIES = 20
"""How often a folder is made for one file: each process that forks from one scratch leaves a turn's folders once, perhaps between
our making one and our file in it."""


class Scratch:
    """New files under `folder`, which must exist. Safe to use from many threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counts = itertools.count()
        self._prefix = f"{folder}/{secrets.token_hex(6)}"
        self._turn = [0]
        self._masked = masked()
        with contextlib.suppress(OSError):  # not ours, or another file system: it is quicker with it, and right without
            spread(folder)
        self._forget_stale()
        weakref.finalize(self, _leave, self._prefix, self._turn)

    def new(self, make: Callable[[str], T]) -> tuple[str, T]:
        """A path that no other file has, and what `make`, which makes a file there, returned."""
        path = self._name()
        for _ in range(TRIES):
            try:
                return path, make(path)
            except FileNotFoundError:  # the first file of a folder, or somebody took the folder for left
                with contextlib.suppress(FileExistsError):
                    os.mkdir(os.path.dirname(path))  # noqa: PTH102, PTH120 - paths are plain text here, see storage_files
        return path, make(path)

    def _name(self) -> str:
        count, pid = next(self._counts), os.getpid()
        turn, used = divmod(count, MOST)
        if turn and not used:
            self._turn[0] = turn
            _leave(self._prefix, [turn - 1])
        return f"{self._prefix}-{turn:x}-{pid % SIDE_BY_SIDE}/{pid:x}-{count:x}"

    def write(self, data: bytes | Path | BinaryIO) -> str:
        """Write `data` to a new file that everybody may read; returns its path."""
        path, descriptor = self.new(_create)
        try:
            if self._masked:
                os.fchmod(descriptor, 0o644)
            if isinstance(data, bytes):
                write_all(descriptor, data)
            else:
                with os.fdopen(os.dup(descriptor), "wb") as file:
                    pour(data, file)
        except BaseException:
            os.unlink(path)  # noqa: PTH108
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
            if item.name != "lock":
                _forget(item, now - STALE_SECONDS)


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)


def _leave(prefix: str, turn: list[int]) -> None:
    """Remove the folders of a turn. One in which somebody writes right now stays, or is made anew by whoever misses it."""
    for side in range(SIDE_BY_SIDE):
        with contextlib.suppress(OSError):
            os.rmdir(f"{prefix}-{turn[0]:x}-{side}")  # noqa: PTH106


def _forget(item: os.DirEntry[str], before: float) -> None:
    """Remove a file that was last written `before` (s since 1970), and a folder with nothing newer."""
    with contextlib.suppress(OSError):  # another process forgets it, too, or has written there again
        stat = item.stat(follow_symlinks=False)
        old = max(stat.st_mtime, stat.st_ctime) < before  # a link just made to an old object was modified long ago
        if not item.is_dir(follow_symlinks=False):
            if old:
                os.unlink(item.path)  # noqa: PTH108
            return
        for inner in os.scandir(item.path):
            _forget(inner, before)
        if old:
            os.rmdir(item.path)  # noqa: PTH106
