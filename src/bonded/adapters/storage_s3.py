"""Storage (seams) in a bucket of S3 or of anything that speaks its protocol with conditional writes, through obstore.

Every acknowledged write is durable, so the barrier has nothing to do. Credentials come from the environment or
the role of the machine, or as arguments; the library reads no profiles.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar, cast

import obstore
from obstore import exceptions
from obstore.store import S3Store

from bonded.adapters.storage_names import check_name, probe
from bonded.seams import Changed, Entry, NotStored, OtherBytes, StorageError, Stored

P = ParamSpec("P")
R = TypeVar("R")
LARGE = 16 * 1024 * 1024
"""From this size objects are sent in parts, for which the protocol's library knows no condition: the name is looked up
before. Only distribution files are that large, and one of their names has one content for ever."""
CHUNK = 1024 * 1024
POINTER_TIMEOUT = timedelta(seconds=10)


def _translated(method: Callable[P, R]) -> Callable[P, R]:
    """The library's errors as those of the seam."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except (exceptions.NotFoundError, FileNotFoundError) as error:
            raise NotStored(_short(error)) from error
        except (exceptions.BaseError, OSError, ValueError) as error:
            raise StorageError(_short(error)) from error

    return call


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


class S3Storage:
    """Objects in `bucket` under `prefix`. `endpoint` "" means Amazon's; `allow_http` is for tests and private networks."""

    conditional = True
    at_once = 32

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        endpoint: str = "",
        region: str = "us-east-1",
        allow_http: bool = False,
        access_key: str = "",
        secret_key: str = "",
    ) -> None:
        settings: dict[str, Any] = {"region": region, "conditional_put": "etag"}
        if endpoint:
            settings |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
        if access_key:
            settings |= {"access_key_id": access_key, "secret_access_key": secret_key}

        def store(timeout: timedelta, retries: int) -> Any:
            return S3Store(
                bucket,
                prefix=prefix or None,
                client_options={"allow_http": allow_http, "timeout": timeout},
                retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=60)},
                **settings,
            )

        self._store = store(timedelta(minutes=5), 3)
        # A pointer is never sent twice: the answer to the first may be lost and the second would then fail or, worse, win.
        self._pointers = store(POINTER_TIMEOUT, 0)

    def probe(self) -> None:
        """Raise StorageError unless the bucket is writable and refuses what it must refuse."""
        probe(self, ".probe")

    @_translated
    def get(self, name: str) -> Stored:
        """The object's bytes and tag. Raises NotStored."""
        check_name(name)
        found = obstore.get(self._store, name)
        return Stored(bytes(found.bytes()), str(found.meta["e_tag"]))

    def read(self, name: str) -> bytes:
        """The object's bytes. Raises NotStored."""
        return self.get(name).data

    @_translated
    def open(self, name: str) -> BinaryIO:
        """The object as a seekable stream, fetched whole; beyond 16 MiB it is kept on disk. Raises NotStored."""
        check_name(name)
        file = tempfile.SpooledTemporaryFile(max_size=LARGE)  # noqa: SIM115 - the caller closes it
        for block in obstore.get(self._store, name).stream(CHUNK):
            file.write(bytes(block))
        file.seek(0)
        return cast("BinaryIO", file)

    @_translated
    def exists(self, name: str) -> bool:
        return self._head(name) is not None

    @_translated
    def size(self, name: str) -> int:
        """Length in bytes. Raises NotStored."""
        head = self._head(name)
        if head is None:
            raise NotStored(name)
        return int(head["size"])

    @_translated
    def create(self, name: str, data: bytes | Path | BinaryIO) -> bool:
        """Write if absent; see the seam. Raises OtherBytes."""
        check_name(name)
        if isinstance(data, Path):
            with data.open("rb") as stream:
                return self._create_stream(name, stream)
        if not isinstance(data, bytes):
            return self._create_stream(name, data)
        try:
            obstore.put(self._store, name, data, mode="create", use_multipart=False)
        except exceptions.AlreadyExistsError:
            if self.get(name).data != data:
                raise OtherBytes(f"{name} exists with other bytes") from None
            return False
        return True

    def _create_stream(self, name: str, stream: BinaryIO) -> bool:
        begin = stream.tell()
        head = stream.read(LARGE)
        if len(head) < LARGE:
            return self.create(name, head)
        stream.seek(begin)
        if self._head(name) is None:
            obstore.put(self._store, name, stream, use_multipart=True)
            return True
        with self.open(name) as there:
            while True:
                one, other = stream.read(CHUNK), there.read(CHUNK)
                if one != other:
                    raise OtherBytes(f"{name} exists with other bytes")
                if not one:
                    return False

    @_translated
    def put(self, name: str, data: bytes) -> None:
        """Write or overwrite."""
        check_name(name)
        obstore.put(self._store, name, data, use_multipart=False)

    @_translated
    def replace(self, name: str, data: bytes, tag: str | None) -> str:
        """Write only if the object still has `tag`. Tried once, for at most 10 s: an error means that nobody knows."""
        check_name(name)
        mode: Any = "create" if tag is None else {"e_tag": tag}
        try:
            result = obstore.put(self._pointers, name, data, mode=mode, use_multipart=False)
        except (exceptions.PreconditionError, exceptions.AlreadyExistsError, exceptions.NotFoundError) as error:
            raise Changed(f"{name} is not {tag}") from error
        return str(result["e_tag"])

    @_translated
    def copy(self, source: str, name: str) -> None:
        """Server-side copy, create-only. Raises NotStored, OtherBytes."""
        check_name(source)
        check_name(name)
        there = self._head(name)
        if there is None:
            obstore.copy(self._store, source, name)
            return
        origin = self._head(source)
        if origin is None:
            raise NotStored(source)
        if origin["e_tag"] != there["e_tag"]:
            with self.open(source) as stream:
                self._create_stream(name, stream)  # parts may differ where bytes do not: compare

    @_translated
    def put_copy(self, source: str, name: str) -> None:
        """Server-side copy, written or overwritten. Raises NotStored."""
        check_name(source)
        check_name(name)
        obstore.copy(self._store, source, name)

    @_translated
    def delete(self, name: str) -> None:
        """Absent afterwards."""
        check_name(name)
        try:
            obstore.delete(self._store, name)
        except (exceptions.NotFoundError, FileNotFoundError):
            return

    def entries(self, prefix: str) -> Iterator[Entry]:
        """Objects whose name begins with `prefix`, in any order."""
        folder, _, _ = prefix.rpartition("/")
        try:
            for page in obstore.list(self._store, folder or None, chunk_size=1000):
                for meta in page:
                    if meta["path"].startswith(prefix):
                        yield Entry(meta["path"], meta["size"], meta["last_modified"])
        except (exceptions.BaseError, OSError) as error:
            raise StorageError(_short(error)) from error

    def shared(self) -> None:
        """Nothing to note; but its connections do not survive a fork."""

    def barrier(self) -> None:
        """Nothing to wait for: what was acknowledged is durable."""

    def _head(self, name: str) -> Any:
        check_name(name)
        try:
            return obstore.head(self._store, name)
        except (exceptions.NotFoundError, FileNotFoundError):
            return None
