"""Somebody with the online key and the public store: signs whatever clients accept, with python-tuf's own model.

Nothing of Bonded's publisher is used here, so that what is found is found in files that were not written by us.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import orjson
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile, Targets, Timestamp

from bonded.adapters.storage_files import FileStorage
from bonded.seams import Storage
from bonded.tuf.roles import hash32


@dataclass
class Attacker:
    """`bits` of page bins and file bins; `record`: "none", "empty" (a lie) or "whole" (what was really changed)."""

    public: Path | Storage
    key: CryptoSigner
    now: datetime
    bits: int = 2
    record: str = "whole"
    changes: dict[str, dict[str, object]] = field(default_factory=dict)

    @property
    def _store(self) -> Storage:
        return FileStorage(self.public) if isinstance(self.public, Path) else self.public

    def attack(self, ahead: int, targets: dict[str, bytes | None]) -> int:
        """Sign `targets` (path -> bytes, None: gone) `ahead` numbers after what is live, and flip; returns the number."""
        timestamp = self._read("timestamp.json", Timestamp)
        snapshot = self._read(f"{timestamp.snapshot_meta.version}.snapshot.json", Snapshot)
        n = timestamp.version + ahead
        for role in sorted({self._role(path) for path in targets}):
            self._bin(snapshot, role, n, {p: t for p, t in targets.items() if self._role(p) == role})
        self._snapshot(snapshot, n)
        return n

    def _bin(self, snapshot: Snapshot, role: str, n: int, targets: dict[str, bytes | None]) -> None:
        listed = self._read(f"{snapshot.meta[f'{role}.json'].version}.{role}.json", Targets)
        for path, data in targets.items():
            old = listed.targets.pop(path, None)
            if data is not None:
                listed.targets[path] = TargetFile.from_data(path, data, ["sha256"])
                self._object(path, data)
            new = listed.targets.get(path)
            facts = [t and {"sha256": t.hashes["sha256"], "length": t.length} for t in (old, new)]
            self.changes[path] = {"old": facts[0], "new": facts[1], "state": "removed"}
        listed.version, listed.expires = n, self._soon()
        snapshot.meta[f"{role}.json"] = MetaFile(n)
        self._write(f"{n}.{role}.json", listed)

    def _object(self, path: str, data: bytes) -> None:
        folder, _, last = path.rpartition("/")
        for name in (path, f"{folder}/{hashlib.sha256(data).hexdigest()}.{last}"):
            self._put(name, data)

    def _snapshot(self, snapshot: Snapshot, n: int) -> None:
        extra = snapshot.unrecognized_fields.pop("x-bonded", None)
        if self.record != "none" and extra is not None:
            data = self._record(n, extra)
            self._put(f"publications/{n}.json", data)
            digest = hashlib.sha256(data).hexdigest()
            more = {"publication": n, "attempt": "evil", "content": n, "changes": digest}
            snapshot.unrecognized_fields["x-bonded"] = extra | more
        snapshot.version, snapshot.expires = n, self._soon()
        data = self._write(f"{n}.snapshot.json", snapshot)
        meta = MetaFile(n, len(data), {"sha256": hashlib.sha256(data).hexdigest()})
        self._write("timestamp.json", Timestamp(n, "1.0.34", self._soon(), meta))

    def _record(self, n: int, extra: dict[str, object]) -> bytes:
        previous = {"publication": extra["publication"], "attempt": extra["attempt"], "sha256": extra["changes"]}
        told = self.changes if self.record == "whole" else {}
        value = {"publication": n, "attempt": "evil", "kind": "publish", "content": n, "previous": previous}
        value |= {"at": self.now.strftime("%Y-%m-%dT%H:%M:%SZ"), "targets": told, "pages": {}}
        return orjson.dumps(value | {"journal": {"size": extra["journal_size"], "root": extra["journal_root"]}})

    def junk(self, name: str, data: bytes = b"junk") -> None:
        """Something in the way of a name that will be needed."""
        self._put(name, data)

    def _role(self, path: str) -> str:
        kind = "page-bin" if path.startswith("simple/") else "bin"
        digits = len(f"{2**self.bits - 1:x}")
        return f"{kind}-1-{hash32(path) >> (32 - self.bits):0{digits}x}"

    def _soon(self) -> datetime:
        return (self.now + timedelta(days=1)).replace(microsecond=0, tzinfo=None)

    def _read(self, name: str, _kind: type) -> object:
        return Metadata.from_bytes(self._store.get(f"metadata/{name}").data).signed

    def _write(self, name: str, signed: object) -> bytes:
        metadata = Metadata(signed)
        metadata.sign(self.key)
        data = metadata.to_bytes()
        self._put(f"metadata/{name}", data)
        return data

    def _put(self, name: str, data: bytes) -> None:
        self._store.put(name, data)  # beside and then in its place: never through a hard link into the vault
