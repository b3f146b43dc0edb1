"""The folder of a mirror: the tree that it serves, written so that no reader ever meets half an object.

What the mirror needs for itself is in the hidden folder `.mirror`: what it has seen and trusts, files on their way, and
what is still to be done. Nothing of it is to be served.
"""

from __future__ import annotations

import contextlib
import ctypes
import gzip
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import zstandard
from tuf.api import exceptions

from bonded_client.failures import Failure

COPIES = (".gz", ".zst")
"""Compressed copies beside an object, for servers that hand them out. Made here, never fetched: nobody signs them."""
FAST, SMALL = 1, 19
"""zstd's levels: signed metadata are smaller at 1 than at 3, in half the time (record 14); snapshots are worth the slowest."""
_TARGET = re.compile(r"(?:simple|packages)(?:/[A-Za-z0-9_+!~-][A-Za-z0-9._+!~-]*){1,2}", re.ASCII)
TIMESTAMP = "metadata/timestamp.json"


def check_target(path: str) -> str:
    """`path` of a target. Raises Failure (malformed) for one that could leave the tree, whoever signed it."""
    if len(path) > 512 or not _TARGET.fullmatch(path):
        raise Failure("malformed", f"The index has signed a target that no mirror can hold: {path[:100]!r}.")
    return path


def hashed(path: str, sha256: str) -> str:
    """The name of a target's object with consistent snapshots."""
    folder, _, last = path.rpartition("/")
    return f"{folder}/{sha256}.{last}"


def digest(data: bytes) -> str:
    """sha256 in hex."""
    return hashlib.sha256(data).hexdigest()


class Tree:
    """Objects by name under `root`. Several threads may write different objects at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.own = root / ".mirror"
        self._tmp = self.own / "tmp"
        for folder in ("metadata", "packages", "publications", "simple"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        self.own.mkdir(mode=0o700, exist_ok=True)

    def begin(self) -> None:
        """Forget what was on its way when the last run was interrupted."""
        shutil.rmtree(self._tmp, ignore_errors=True)
        self._tmp.mkdir()

    def path(self, name: str) -> Path:
        return self.root / name

    def read(self, name: str) -> bytes | None:
        """The object's bytes, None when it is not there."""
        try:
            return self.path(name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def has_file(self, name: str, length: int) -> bool:
        """Whether a package file is there; its name got its bytes only after they were verified and on the disk."""
        try:
            return self.path(name).stat().st_size == length
        except OSError:
            return False

    def has(self, name: str, sha256: str) -> bool:
        """Whether a small object is there, its bytes looked at."""
        data = self.read(name)
        return data is not None and digest(data) == sha256

    def put(self, name: str, data: bytes, level: int = FAST) -> None:
        """Write or replace an object and its compressed copies; the copies first, so that none is older for long."""
        self._write(f"{name}.gz", gzip.compress(data, 6, mtime=0))
        self._write(f"{name}.zst", zstandard.ZstdCompressor(level=level).compress(data))
        self._write(name, data)

    def put_alone(self, name: str, data: bytes) -> None:
        """Write or replace an object that has no compressed copies."""
        self._write(name, data)

    def receive(self, name: str, pieces: Iterable[bytes], length: int, sha256: str) -> None:
        """Write a file from its `pieces`, on the disk before it has its name.

        Raises LengthOrHashMismatchError and leaves nothing behind when they are not `length` bytes of that sha256.
        """
        made, count, sum_ = self._new(), 0, hashlib.sha256()
        try:
            with made.open("wb") as out:
                for piece in pieces:
                    sum_.update(piece)
                    count += len(piece)
                    out.write(piece)
                if count != length or sum_.hexdigest() != sha256:
                    raise exceptions.LengthOrHashMismatchError(f"{count} bytes, sha256 {sum_.hexdigest()}")
                out.flush()
                os.fsync(out.fileno())
            self._place(made, name)
        finally:
            made.unlink(missing_ok=True)

    def twin(self, name: str, other: str) -> None:
        """Have the object `name` under the name `other` too: a second link where the file system can."""
        made = self._new()
        try:
            made.hardlink_to(self.path(name))
        except OSError:
            shutil.copyfile(self.path(name), made)
        self._place(made, other)
        made.unlink(missing_ok=True)  # renaming one link of a file to another of its links leaves both

    def delete(self, name: str) -> bool:
        """Take an object and its copies away; whether there was one."""
        found = False
        for copy in ("", *COPIES):
            try:
                self.path(name + copy).unlink()
                found = True
            except (FileNotFoundError, NotADirectoryError):
                pass
        with contextlib.suppress(OSError):
            if name.count("/") == 2:
                self.path(name).parent.rmdir()  # only when it is empty
        return found

    def flip(self, timestamp: bytes) -> None:
        """Move the pointer, once everything that it leads to is on the disk."""
        self.barrier()
        self._write(TIMESTAMP, timestamp)
        self.barrier()

    def barrier(self) -> None:
        """Everything written so far is on the disk when this returns."""
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "syncfs"):
            os.sync()
            return
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            if libc.syncfs(descriptor) != 0:
                raise OSError(ctypes.get_errno(), "the disk did not take what was written")
        finally:
            os.close(descriptor)

    def free(self) -> int:
        """Bytes left on the disk."""
        return shutil.disk_usage(self.root).free

    def names(self, folder: str) -> Iterator[str]:
        """Every object under `folder`, in order of folders, copies included."""
        for where, folders, files in os.walk(self.root / folder):
            folders.sort()
            prefix = os.path.relpath(where, self.root)
            yield from (f"{prefix}/{file}" for file in sorted(files))

    def recall(self, name: str) -> Any:
        """What was kept under `name` for the mirror itself; None when nothing, or nothing readable, is there."""
        try:
            return json.loads((self.own / name).read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def keep(self, name: str, value: Any) -> None:
        """Keep a JSON value for the mirror itself; None forgets it."""
        if value is None:
            (self.own / name).unlink(missing_ok=True)
            return
        made = self._new()
        made.write_text(json.dumps(value), "utf-8")
        made.replace(self.own / name)

    def _new(self) -> Path:
        self._tmp.mkdir(parents=True, exist_ok=True)
        return self._tmp / secrets.token_hex(8)

    def _write(self, name: str, data: bytes) -> None:
        made = self._new()
        made.write_bytes(data)
        self._place(made, name)

    def _place(self, made: Path, name: str) -> None:
        """Give a finished file its name. One that takes another's place is younger by a second at least: servers make
        validators from times in whole seconds, and two publications may come within one."""
        made.chmod(0o644)
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            old = path.stat()
            if old.st_ino != made.stat().st_ino:
                youngest = max(old.st_mtime + 1, time.time())
                os.utime(made, (youngest, youngest))
        made.replace(path)
