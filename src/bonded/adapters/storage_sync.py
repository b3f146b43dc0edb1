"""Durability of a folder: which files wait for the disk, and how they get there."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import structlog

FEW = 2
"""Up to so many files are synced one by one; beyond, the whole file system at once (measured: four take 18-31 ms one by one
and 7 ms together, 1,000 a fifth)."""

_libc = ctypes.CDLL(None, use_errno=True)
log = structlog.get_logger("bonded.storage")


def end_process(error: OSError) -> NoReturn:
    """The disk did not take what was written, and the kernel may have forgotten that: only a new start is sure."""
    log.critical("the disk failed; this process ends", error=str(error))
    sys.stderr.flush()
    os._exit(74)


class Pending:
    """Files and folders written since the last flush. Safe to use from many threads."""

    def __init__(self, root: Path, fatal: Callable[[OSError], NoReturn]) -> None:
        self._root = root
        self._fatal = fatal
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._since: int | None = None
        self._others = False
        self._lock = threading.Lock()
        self._flushing = threading.Lock()

    def __del__(
        self, close: Callable[[int], None] = os.close
    ) -> None:  # bound: at the very end `os` may be gone before us
        if self._since is not None:
            close(self._since)

    def file(self, path: str) -> None:
        """Note that `path` was written or linked."""
        with self._lock:
            self._watch()
            if len(self._files) <= FEW:
                self._files.add(path)
                self._folders.add(os.path.dirname(path))  # noqa: PTH120

    def folder(self, path: str) -> None:
        """Note that an entry of the folder `path` changed."""
        with self._lock:
            self._watch()
            self._folders.add(path)

    def others(self) -> None:
        """Note that processes forked from this one write, too: the next flush takes the whole file system."""
        with self._lock:
            self._watch()
            self._others = True

    def _watch(self) -> None:
        """Open the root with the first note: what the kernel fails to write from now on, syncfs says to this descriptor. One
        that is opened later is not told what another process has been told already (errseq, Documentation/core-api)."""
        if self._since is None:
            self._since = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC)

    def now(self, path: str) -> None:
        """The bytes of the file `path` are on the disk when this returns."""
        try:
            _sync_one(path)
        except OSError as error:
            self._fatal(error)

    def flush(self) -> None:
        """Everything noted before is on the disk when this returns; so is what another thread's flush took with it."""
        with self._flushing:
            with self._lock:
                files, folders, since, others = self._files, self._folders, self._since, self._others
                self._files, self._folders, self._since, self._others = set(), set(), None, False
            if since is None:
                return
            try:
                if others or len(files) > FEW or len(folders) > FEW:
                    _sync_file_system(since)
                else:
                    for path in (*files, *folders):
                        _sync_one(path)
            except OSError as error:
                self._fatal(error)
            finally:
                os.close(since)


def _sync_one(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return  # deleted since: its folder is in the list too
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_file_system(descriptor: int) -> None:
    if _libc.syncfs(descriptor) != 0:
        raise OSError(ctypes.get_errno(), "syncfs failed", "the store")
