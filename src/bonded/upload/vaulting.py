"""The vault's part of an upload: bytes, their accepted facts and metadata, durable before the database knows of them.

If we die after this, the vault has an orphan under a name that no row has; `bonded fsck` names it after a week, and nothing
deletes it unasked: it may be all that is left of a lost row. The facts beside the blob are enough to accept the file again
should the database be lost.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from bonded.seams import Storage, StorageError
from bonded.upload.attestations import Provenance
from bonded.upload.examine import Examined
from bonded.upload.receive import Received, storage_refusal
from bonded.values.text import iso

FACTS, METADATA, PROVENANCE = ".facts.json", ".metadata", ".provenance"


@dataclass(frozen=True, slots=True)
class Vaulted:
    """Where an upload lies in the vault: `key` is "<sha256>.<upload id>", never shared between uploads."""

    key: str

    def names(self) -> tuple[str, str, str, str]:
        """The objects that belong to it: the bytes, the facts, the metadata, and the provenance of those that have one."""
        return self.key, self.key + FACTS, self.key + METADATA, self.key + PROVENANCE


def store(
    vault: Storage,
    received: Received,
    examined: Examined,
    provenance: Provenance | None,
    upload_id: str,
    who: dict[str, str],
    now: datetime,
) -> Vaulted:
    """Write its objects, durably. Raises Refusal (storage-full, storage-unavailable); then nothing is left."""
    vaulted = Vaulted(f"{received.sha256}.{upload_id}")
    bytes_name, facts_name, metadata_name, provenance_name = vaulted.names()
    told = facts(received, examined, provenance, who, now)
    try:
        vault.create(bytes_name, received.path)
        vault.create(facts_name, orjson.dumps(told, option=orjson.OPT_SORT_KEYS))
        vault.create(metadata_name, examined.metadata_bytes)
        if provenance is not None:
            vault.create(provenance_name, provenance.data)
        vault.barrier()
    except (StorageError, OSError) as error:
        remove(vault, vaulted)
        raise storage_refusal(error) from error
    return vaulted


def remove(vault: Storage, vaulted: Vaulted) -> None:
    """Take an upload out of the vault that no row names; what cannot be removed now is an orphan, which fsck names."""
    for name in vaulted.names():
        with contextlib.suppress(StorageError, OSError):
            vault.delete(name)


def facts(
    received: Received, examined: Examined, provenance: Provenance | None, who: dict[str, str], now: datetime
) -> dict[str, Any]:
    """Everything that the database will know of the file, JSON-ready."""
    return {
        "filename": examined.filename,
        "packagetype": examined.packagetype,
        "project": examined.key,
        "name": examined.name,
        "version": examined.version,
        "python_version": examined.python_version,
        "requires_python": examined.requires_python,
        "size": received.size,
        "md5": received.md5,
        "sha256": received.sha256,
        "blake2_256": received.blake2_256,
        "metadata": examined.metadata,
        "metadata_sha256": examined.metadata_sha256,
        "metadata_size": len(examined.metadata_bytes),
        "metadata_served": examined.has_metadata_file,
        "uploaded_at": iso(now),
        **({"provenance_sha256": provenance.sha256} if provenance else {}),
        **who,
    }
