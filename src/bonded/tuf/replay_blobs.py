"""Which blob of the vault holds a file's bytes, and what was accepted about them: the facts lie beside each blob.

A scratch database on disk holds the names, so that the vault is listed once and never kept in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO

import orjson

from bonded.seams import NotStored, OtherBytes, Storage
from bonded.tuf.roles import file_path
from bonded.tuf.threads import ahead
from bonded.values.text import new_id

FACTS, METADATA, PROVENANCE = ".facts.json", ".metadata", ".provenance"
_TABLES = "CREATE TABLE blob (sha256 TEXT, key TEXT, facts INTEGER, PRIMARY KEY (sha256, key)) WITHOUT ROWID"


@dataclass(frozen=True, slots=True)
class Blob:
    """One upload in the vault. `key` is "<sha256>.<upload id>"; `facts` {} where there are none beside it."""

    key: str
    facts: dict[str, Any]

    @property
    def upload_id(self) -> str:
        return self.key.partition(".")[2]


class Blobs:
    """The vault by content. Use as a context manager: the scratch database goes at its end."""

    def __init__(self, vault: Storage, public: Storage) -> None:
        self._vault, self._public = vault, public
        self._next: list[str] = []
        self._place: dict[str, int] = {}
        self._read: dict[str, dict[str, Any]] = {}
        self._db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute(_TABLES)
        self._db.executemany(
            "INSERT INTO blob VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET facts = facts OR excluded.facts",
            self._listed(),
        )

    def __enter__(self) -> Blobs:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._db.close()

    def _listed(self) -> Iterator[tuple[str, str, int]]:
        for entry in self._vault.entries(""):
            key = entry.name.removesuffix(FACTS)
            if len(key) > 65 and key[64] == "." and not key.endswith((METADATA, PROVENANCE)):
                yield key[:64], key, int(key != entry.name)

    def find(self, sha256: str, filename: str, provenance: str | None = None) -> Blob | None:
        """The upload with these bytes: the one that was accepted under this name and with the provenance of this sha256 (None:
        without any), else under this name, else any. None: the vault has none. A try that died leaves the same bytes too."""
        found, named = None, False
        for (key,) in self._db.execute("SELECT key FROM blob WHERE sha256 = ? ORDER BY key", (sha256,)).fetchall():
            blob = Blob(key, self.facts(key))
            fits = blob.facts.get("filename") == filename
            if fits and blob.facts.get("provenance_sha256") == provenance:
                return blob
            if found is None or (fits and not named):
                found, named = blob, fits
        return found

    def join_provenance(self, blob: Blob, sha256: str) -> None:
        """Have the provenance object of this digest beside the bytes, copied from beside the same bytes under another key where it
        is not. It is nowhere else: when it is gone from the vault, `bonded fsck` says so."""
        wanted = blob.key + PROVENANCE
        if self._holds(wanted, sha256):
            return
        names = [entry.name for entry in self._vault.entries(blob.key[:65]) if entry.name.endswith(PROVENANCE)]
        right = next((name for name in names if self._holds(name, sha256)), None)
        if right is not None:
            with contextlib.suppress(OtherBytes):  # damaged: what is in the vault is never replaced
                self._vault.create(wanted, self._vault.get(right).data)
                self._vault.barrier()

    def _holds(self, name: str, sha256: str) -> bool:
        try:
            return hashlib.sha256(self._vault.get(name).data).hexdigest() == sha256
        except NotStored:
            return False

    def expect(self, digests: Iterable[str]) -> None:
        """`find` is asked for uploads with bytes of these digests next: the facts beside some are read when one's are."""
        rows = (self._db.execute("SELECT key FROM blob WHERE sha256 = ?", (sha256,)) for sha256 in digests)
        self.expect_keys([key for found in rows for (key,) in found.fetchall()])

    def expect_keys(self, keys: list[str]) -> None:
        """The same for the uploads of these keys, for which `facts` is asked next."""
        self._next, self._place, self._read = keys, {key: place for place, key in enumerate(keys)}, {}

    def facts(self, key: str) -> dict[str, Any]:
        """The accepted facts beside a blob, {} where they are missing or damaged."""
        if key not in self._read and key in self._place:
            begin = self._place[key]
            some = self._next[begin : begin + self._vault.at_once]  # so many are in memory, however many come
            self._read = dict(zip(some, ahead(self._facts, some, self._vault.at_once), strict=True))
        return self._read[key] if key in self._read else self._facts(key)

    def _facts(self, key: str) -> dict[str, Any]:
        try:
            value = orjson.loads(self._vault.get(key + FACTS).data)
        except (NotStored, orjson.JSONDecodeError):
            return {}
        return value if isinstance(value, dict) else {}

    def with_facts(self) -> Iterator[str]:
        """Keys of all blobs that have facts beside them, by key."""
        last = ""
        while rows := self._db.execute(
            "SELECT key FROM blob WHERE facts AND key > ? ORDER BY key LIMIT 500", (last,)
        ).fetchall():
            for (last,) in rows:
                yield last

    def rescue(self, key: str, filename: str, sha256: str) -> Blob | None:
        """Copy a file whose bytes the vault has lost back from the public store, if they are there and right."""
        path = file_path(key, filename)
        blob = Blob(f"{sha256}.{new_id()}", {})
        try:
            with self._public.open(path) as stream:
                if _sha256(stream) != sha256:
                    return None
                stream.seek(0)
                self._vault.create(blob.key, stream)
        except NotStored:
            return None
        with contextlib.suppress(NotStored):
            self._vault.create(blob.key + METADATA, self._public.get(f"{path}.metadata").data)
        self._vault.barrier()  # the row that will name it is durable as soon as it is committed
        return blob


def _sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := stream.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
