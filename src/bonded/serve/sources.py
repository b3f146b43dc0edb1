"""Where the static lane gets objects from: a folder of this machine (quick, remembered), or any Storage.

A remembered file is checked by `stat` at every use, so an atomic replacement or a removal is seen by the next request.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from bonded.seams import NotStored, Storage
from bonded.serve.paths import may_change

RACY_NS = 50_000_000
"""A file that changed less than this before it was read is not remembered: file systems keep time in steps of several
milliseconds, so a second change within one step could look like the first (as in git's index)."""


@dataclass(slots=True, eq=False)
class Found:
    """An object as it is now. `tag`: strong entity tag with its quotes; `modified`: seconds since 1970, 0 when unknown;
    `data` is None when it is too big to hold. `answers` remembers what was made of it."""

    name: str
    size: int
    tag: str
    modified: int
    data: bytes | None
    signature: tuple[int, ...] = ()
    answers: dict[object, Any] = field(default_factory=dict)


class Source(Protocol):
    """Objects of the public store by name."""

    quick: bool
    """True when `find` never waits for long, so that it may be called on the event loop."""

    def find(self, name: str) -> Found | None:
        """The object, None when there is none. Raises OSError or StorageError when the store fails."""

    def open(self, found: Found) -> BinaryIO:
        """Its bytes as a seekable stream. Raises FileNotFoundError or NotStored when it went meanwhile."""


def _tag_of(data: bytes) -> str:
    return f'"{hashlib.blake2b(data, digest_size=16).hexdigest()}"'


class FolderSource:
    """Source over a folder. Small files are remembered up to `cache_bytes` in all, the longest held dropped first."""

    quick = True

    def __init__(self, root: Path, clock: Callable[[], datetime], *, cache_bytes: int, cache_item: int) -> None:
        self._root = str(root) + "/"
        self._clock = clock
        self._limit, self._item = cache_bytes, cache_item
        self._held: dict[str, Found] = {}
        self._bytes = 0

    def find(self, name: str) -> Found | None:
        try:
            status = os.stat(self._root + name)  # noqa: PTH116 - a Path costs more than the call
        except (FileNotFoundError, NotADirectoryError):
            self._forget(name)
            return None
        held = self._held.get(name)
        if held is not None:
            if held.signature == _signature(status):
                return held
            self._forget(name)
        return self._load(name)

    def open(self, found: Found) -> BinaryIO:
        return open(self._root + found.name, "rb", buffering=0)  # noqa: PTH123

    def opened(self, found: Found) -> BinaryIO | None:
        """The stream of exactly what was found; None when something else has taken its name since."""
        try:
            stream = self.open(found)
        except FileNotFoundError:
            return None
        if _signature(os.fstat(stream.fileno())) == found.signature:
            return stream
        stream.close()
        return None

    def _load(self, name: str) -> Found | None:
        try:
            with open(self._root + name, "rb", buffering=0) as stream:  # noqa: PTH123
                status = os.fstat(stream.fileno())
                if not stat.S_ISREG(status.st_mode):
                    return None
                data = stream.read() if status.st_size <= self._item else None
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        signature, modified = _signature(status), int(status.st_mtime)
        if data is None:
            tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"'
            return Found(name, status.st_size, tag, modified, None, signature)
        found = Found(name, len(data), _tag_of(data), modified, data, signature)
        if status.st_ctime_ns + RACY_NS < self._clock().timestamp() * 1e9 and len(data) == status.st_size:
            self._hold(found)
        return found

    def _hold(self, found: Found) -> None:
        self._held[found.name] = found
        self._bytes += found.size
        while self._bytes > self._limit:
            self._forget(next(iter(self._held)))

    def _forget(self, name: str) -> None:
        held = self._held.pop(name, None)
        if held is not None:
            self._bytes -= held.size


def _signature(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)


class StorageSource:
    """Source over any Storage; nothing is remembered, because every look would have to be checked there anyway."""

    quick = False

    def __init__(self, storage: Storage, *, cache_item: int) -> None:
        self._storage, self._item = storage, cache_item

    def find(self, name: str) -> Found | None:
        try:
            # What may change is fetched whole at once: between a look at its size and its bytes it could be exchanged.
            size = 0 if may_change(name) else self._storage.size(name)
            if size <= self._item:
                data = self._storage.get(name).data
                return Found(name, len(data), _tag_of(data), 0, data)
        except NotStored:
            return None
        # It has one content for ever, so the name says as much as the bytes.
        return Found(name, size, _tag_of(f"{size} {name}".encode()), 0, None)

    def open(self, found: Found) -> BinaryIO:
        return self._storage.open(found.name)
