"""Where a backup goes: a folder or a tar file, which get their final name only when they are whole and on the disk."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tarfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from bonded.values.refusals import Refusal, define

TARGET_EXISTS = define(
    "backup-exists",
    409,
    "There is something already",
    "A backup never overwrites anything: choose another name, or remove what is there yourself.",
)
CHUNK = 1 << 20


class Sink(Protocol):
    """Takes objects by relative POSIX name. `objects` and `size` (bytes) count what was added."""

    objects: int
    size: int

    def add(self, name: str, stream: BinaryIO) -> None: ...
    def add_bytes(self, name: str, data: bytes, *, private: bool = False) -> None: ...


def open_sink(path: Path) -> FolderSink | TarSink:
    """A tar file when the name ends in .tar, else a folder. Raises Refusal (backup-exists)."""
    if path.exists():
        raise Refusal(TARGET_EXISTS, f"{path} exists already")
    if (partial := _partial(path)).exists():
        raise Refusal(
            TARGET_EXISTS, f"{partial} exists already: unless that backup is under way it was stopped; then remove it"
        )
    return TarSink(path) if path.suffix == ".tar" else FolderSink(path)


class FolderSink:
    """A backup as a folder; use with `with`. Without an error inside, it has its final name afterwards."""

    def __init__(self, path: Path) -> None:
        self.objects = self.size = 0
        self._path, self._partial = path, _partial(path)

    def __enter__(self) -> Self:
        self._partial.mkdir(parents=True, mode=0o700)
        return self

    def add(self, name: str, stream: BinaryIO) -> None:
        """Copy a stream into the file `name`."""
        path = self._partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            shutil.copyfileobj(stream, file, CHUNK)
            self.size += file.tell()
        self.objects += 1

    def add_bytes(self, name: str, data: bytes, *, private: bool = False) -> None:
        """A small file; readable by its owner only when `private`."""
        self.add(name, io.BytesIO(data))
        if private:
            (self._partial / name).chmod(0o600)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is not None:
            shutil.rmtree(self._partial)
            return
        os.sync()  # before the name says that it is whole
        self._partial.rename(self._path)
        _sync(self._path.parent)


class TarSink:
    """A backup as one uncompressed tar file (most of it is compressed already); use with `with`."""

    def __init__(self, path: Path) -> None:
        self.objects = self.size = 0
        self._path, self._partial = path, _partial(path)

    def __enter__(self) -> Self:
        descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)
        return self

    def add(self, name: str, stream: BinaryIO) -> None:
        """Append a seekable stream as the member `name`."""
        info = tarfile.TarInfo(name)
        info.size = stream.seek(0, io.SEEK_END)
        info.mode = 0o644
        stream.seek(0)
        self._tar.addfile(info, stream)
        self.size += info.size
        self.objects += 1

    def add_bytes(self, name: str, data: bytes, *, private: bool = False) -> None:
        """A small member; the whole tar is readable by its owner only."""
        self.add(name, io.BytesIO(data))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if kind is None:
                self._tar.close()
                self._file.flush()
                os.fsync(self._file.fileno())
                self._partial.rename(self._path)
        finally:
            with contextlib.suppress(OSError):  # of a full disk, which is asked once more to take what it did not
                self._file.close()
            self._partial.unlink(missing_ok=True)
        if kind is None:
            _sync(self._path.parent)


def _partial(path: Path) -> Path:
    """The name of a backup until it is finished."""
    return path.with_name(path.name + ".partial")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
