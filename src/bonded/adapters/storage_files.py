"""Storage (seams) in a folder: create-only by a rename that replaces nothing, replacement by rename under a lock,
durability by sync.

Every object appears whole or not at all: bytes are written to a file in `.tmp` first. Until `barrier()` an object may be
lost or torn by a power failure; nothing may refer to it before.

Paths are plain text here: a publication touches ten thousand files, and path objects would cost a third of its time.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn, ParamSpec, TypeVar

from bonded.adapters.storage_bytes import read_all, same
from bonded.adapters.storage_listing import walk
from bonded.adapters.storage_moves import move_new
from bonded.adapters.storage_names import check_name, probe
from bonded.adapters.storage_scratch import Scratch
from bonded.adapters.storage_sync import Pending, end_process
from bonded.seams import Changed, Entry, NotStored, OtherBytes, StorageError, Stored

P = ParamSpec("P")
R = TypeVar("R")
CHUNK = 1024 * 1024
READ_AHEAD = 64 * 1024
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS}


def _translated(method: Callable[P, R]) -> Callable[P, R]:
    """The operating system's errors as those of the seam."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except FileNotFoundError as error:
            raise NotStored(f"no object {error.filename}") from error
        except OSError as error:
            raise StorageError(f"{error.strerror or error}: {error.filename or 'the store'}") from error

    return call


class _Opened(io.FileIO):
    """An object opened for reading: `create` in a store on the same file system may link it instead of copying."""


class FileStorage:
    """Objects as files under `root`. With `private`, only the owner may enter the folder (the vault).

    `fatal` is called with the error when durability is unknown; it must not return.
    """

    conditional = True
    at_once = 1

    def __init__(
        self, root: Path, *, private: bool = False, fatal: Callable[[OSError], NoReturn] = end_process
    ) -> None:
        self.root = root
        self._prefix = f"{root}/"
        scratch = root / ".tmp"
        if not scratch.is_dir():  # it is made last, and perhaps by several at once
            root.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(PermissionError):  # somebody else's folder, who lets us write there
                root.chmod(0o700 if private else 0o755)
            scratch.mkdir(exist_ok=True)
        self._pending = Pending(root, fatal)
        self._scratch = Scratch(scratch)

    def probe(self) -> None:
        """Raise StorageError unless the folder is writable and refuses what it must refuse."""
        probe(self, ".probe")

    @_translated
    def get(self, name: str) -> Stored:
        """The object's bytes and tag. Raises NotStored."""
        descriptor = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            stat = os.fstat(descriptor)
            data = read_all(descriptor, stat.st_size)
        finally:
            os.close(descriptor)
        return Stored(data, _tag(stat, data))

    @_translated
    def read(self, name: str) -> bytes:
        """The object's bytes. Raises NotStored."""
        descriptor = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return read_all(descriptor, os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)

    @_translated
    def open(self, name: str) -> BinaryIO:
        """The object as a seekable stream. Raises NotStored."""
        return io.BufferedReader(_Opened(self._path(name), "rb"), READ_AHEAD)

    @_translated
    def exists(self, name: str) -> bool:
        return os.path.isfile(self._path(name))  # noqa: PTH113 - see the note on paths

    @_translated
    def size(self, name: str) -> int:
        """Length in bytes. Raises NotStored."""
        return os.stat(self._path(name)).st_size  # noqa: PTH116

    @_translated
    def create(self, name: str, data: bytes | Path | BinaryIO) -> bool:
        """Write if absent; see the seam. A Path may be linked: it must not be written to afterwards. Raises OtherBytes."""
        if isinstance(data, Path):
            data.chmod(0o644)
        return self._create(self._path(name), data)

    def _create(self, path: str, data: bytes | Path | BinaryIO) -> bool:
        source = _source_path(data)
        if source is not None:
            if self._link(source, path):
                return True
            if os.path.exists(path):  # noqa: PTH110
                return self._found(path, same(source, path))
        made = self._scratch.write(data)
        try:
            self._in_folder(path, move_new, made)
        except FileExistsError:
            try:
                return self._found(path, same(made, path))
            finally:
                os.unlink(made)  # noqa: PTH108
        except BaseException:
            os.unlink(made)  # noqa: PTH108
            raise
        self._pending.file(path)
        return True

    @_translated
    def put(self, name: str, data: bytes) -> None:
        """Write or overwrite, atomically."""
        self._overwrite(self._path(name), data)

    @_translated
    def replace(self, name: str, data: bytes, tag: str | None) -> str:
        """Write only if the object still has `tag`; durable, and after all earlier writes, when it returns."""
        path = self._path(name)
        with self._scratch.exclusive():
            try:
                current = self.get(name).tag
            except NotStored:
                current = None
            if current != tag:
                raise Changed(f"{name} is {current}, not {tag}")
            self.barrier()
            self._overwrite(path, data, synced=True)
            self.barrier()
            return self.get(name).tag

    @_translated
    def copy(self, source: str, name: str) -> None:
        """Another name for the same bytes, create-only. Raises NotStored, OtherBytes."""
        self._create(self._path(name), Path(self._path(source)))

    @_translated
    def put_copy(self, source: str, name: str) -> None:
        """`name` shows the bytes of `source` from now on, atomically: one file under two names. Raises NotStored."""
        origin, path = self._path(source), self._path(name)
        stat = os.stat(origin)  # noqa: PTH116
        try:
            old = os.stat(path)  # noqa: PTH116
        except FileNotFoundError:
            old = None
        if old is not None and old.st_ino == stat.st_ino:
            self._pending.file(path)  # its writer may have died before its barrier
            return
        try:
            made, _ = self._scratch.new(functools.partial(os.link, origin))
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            self._overwrite(path, Path(origin))
            return
        self._move_over(path, made, stat.st_mtime_ns, old)

    @_translated
    def delete(self, name: str) -> None:
        """Absent afterwards."""
        path = self._path(name)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(path)  # noqa: PTH108
            self._pending.folder(os.path.dirname(path))  # noqa: PTH120

    def entries(self, prefix: str) -> Iterator[Entry]:
        """Objects whose name begins with `prefix`, in any order."""
        folder, _, start = prefix.rpartition("/")
        if folder:
            check_name(folder)
        yield from walk(self.root / folder if folder else self.root, folder, start)

    def shared(self) -> None:
        """Processes forked from this one write here, too: `barrier` is for what they wrote as well."""
        self._pending.others()

    def barrier(self) -> None:
        """Everything written before survives power loss. An error ends the process (`fatal`)."""
        self._pending.flush()

    def _path(self, name: str) -> str:
        check_name(name)
        return f"{self._prefix}{name}"

    def _link(self, source: str, path: str) -> bool:
        """Make `path` another name of the file `source`. False when `path` exists or links are not possible here."""
        try:
            self._in_folder(path, os.link, source)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno in _NO_LINK:
                return False
            raise
        self._pending.file(path)
        return True

    def _found(self, path: str, equal: bool) -> bool:
        if not equal:
            raise OtherBytes(f"{path.removeprefix(self._prefix)} exists with other bytes")
        # Its writer may have died before its barrier: what we build on must be durable by ours.
        self._pending.file(path)
        return False

    def _overwrite(self, path: str, data: bytes | Path, *, synced: bool = False) -> None:
        """With `synced` the bytes are on the disk before they take the place of the old ones: no power failure shows a
        torn object there."""
        made = self._scratch.write(data)
        if synced:
            self._pending.now(made)
        try:
            old = os.stat(path)  # noqa: PTH116
        except FileNotFoundError:
            old = None
        self._move_over(path, made, os.stat(made).st_mtime_ns if old else 0, old)  # noqa: PTH116

    def _move_over(self, path: str, made: str, modified: int, old: os.stat_result | None) -> None:
        """Put the file `made`, last modified then, in the place of `path`.

        nginx makes its ETag of whole seconds and length: two contents of one name must differ in their second.
        """
        try:
            if old is not None and modified < old.st_mtime_ns + 1_000_000_000:
                os.utime(made, ns=(modified, old.st_mtime_ns + 1_000_000_000))
            self._in_folder(path, os.replace, made)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(made)  # noqa: PTH108
            raise
        self._pending.file(path)

    def _in_folder(self, path: str, act: Callable[[str, str], object], made: str) -> None:
        """`act(made, path)`; make the folder of `path` and do it again when that was missing."""
        try:
            act(made, path)
        except FileNotFoundError:
            folder = missing = os.path.dirname(path)  # noqa: PTH120
            if folder != self._prefix[:-1]:  # somebody else may be making it just now
                self._pending.folder(os.path.dirname(folder))  # noqa: PTH120
            while not os.path.isdir(missing):  # noqa: PTH112
                missing = os.path.dirname(missing)  # noqa: PTH120
                self._pending.folder(missing)
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            act(made, path)  # where it is `made` that is missing, this says so again


def _tag(stat: os.stat_result, data: bytes) -> str:
    return f"{stat.st_mtime_ns:x}-{hashlib.sha256(data).hexdigest()[:32]}"


def _source_path(data: bytes | Path | BinaryIO) -> str | None:
    """The file behind `data` when it can be linked as it is."""
    if isinstance(data, Path):
        return str(data)
    if isinstance(data, io.BufferedReader) and isinstance(data.raw, _Opened):
        return str(data.name)
    return None
