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
        self._lock = threading.Lock()
        self._flushing = threading.Lock()

    def file(self, path: str) -> None:
        """Note that `path` was written or linked."""
        with self._lock:
            if len(self._files) <= FEW:
                self._files.add(path)
                self._folders.add(os.path.dirname(path))  # noqa: PTH120

    def folder(self, path: str) -> None:
        """Note that an entry of the folder `path` changed."""
        with self._lock:
            self._folders.add(path)

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
                files, folders = self._files, self._folders
                self._files, self._folders = set(), set()
            if not files and not folders:
                return
            try:
                if len(files) > FEW or len(folders) > FEW:
                    _sync_file_system(self._root)
                else:
                    for path in (*files, *folders):
                        _sync_one(path)
            except OSError as error:
                self._fatal(error)


def _sync_one(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return  # deleted since: its folder is in the list too
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_file_system(root: Path) -> None:
    descriptor = os.open(root, os.O_RDONLY)
    try:
        if _libc.syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), "syncfs failed", str(root))
    finally:
        os.close(descriptor)
