"""fsck looks at the vault: every received byte is there, is what was accepted, and belongs to somebody."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from bonded.catalog.tables import file
from bonded.ops.disagreements import Disagreement, define
from bonded.ops.fsck_pages import AT_ONCE, pieces
from bonded.ops.ground import Ground
from bonded.seams import NotStored, Storage
from bonded.tuf.settle import chunks
from bonded.tuf.threads import ahead, few_large
from bonded.values.states import FileState

VAULT_MISSING = define(
    "vault-missing",
    "The bytes of an accepted file are not in the vault.",
    "Copy them back from a backup under the name that the line tells.",
)
VAULT_DAMAGED = define(
    "vault-damaged",
    "The vault holds other bytes than were accepted.",
    "Copy them back from a backup; distrust the disk.",
)
VAULT_METADATA = define(
    "vault-metadata",
    "The METADATA kept beside a file is missing or is not what its page promises (PEP 658).",
    "Copy it back from a backup.",
)
VAULT_PROVENANCE = define(
    "vault-provenance",
    "What a build attested about a file is missing in the vault, or is not what its page promises (PEP 740).",
    "Copy it back from a backup; until then the index says that it cannot show the file's provenance.",
)
VAULT_FACTS = define(
    "vault-facts",
    "The accepted facts beside a file are missing: it could not be recovered if the database were lost.",
    "Copy them back from a backup.",
)
VAULT_ORPHAN = define(
    "vault-orphan",
    "No row names an object in the vault, a week after it was written.",
    "It is left over from an upload that was not completed, or a row was lost: look before deleting it.",
)

ORPHAN_AGE = timedelta(days=7)
BESIDE = (".facts.json", ".metadata", ".provenance")
CHUNK = 1 << 20


def look(ground: Ground) -> Iterator[Disagreement]:
    """Read every blob that a row names, and list those that none names. Reads the whole vault."""
    c = file.c

    def blob(row: Any) -> list[Disagreement]:
        return list(_blob(ground.vault, row))

    look_at = few_large(blob, lambda row: int(row.size))
    wanted = select(c.id, c.filename, c.vault_key, c.size, c.sha256, c.metadata_sha256, c.provenance_sha256)
    for rows in pieces(ground.db, wanted.where(c.state != FileState.REMOVED), c.id):
        for found in ahead(look_at, rows, ground.vault.at_once):
            yield from found
    yield from _orphans(ground)


def digest(store: Storage, name: str) -> tuple[int, str]:
    """Size in bytes and hex sha256 of an object, read as a stream. Raises NotStored."""
    size, sha256 = 0, hashlib.sha256()
    with store.open(name) as stream:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            sha256.update(chunk)
    return size, sha256.hexdigest()


def _blob(vault: Storage, row: Any) -> Iterator[Disagreement]:
    try:
        size, sha256 = digest(vault, row.vault_key)
    except NotStored:
        yield Disagreement(VAULT_MISSING, row.filename, f"the vault has no {row.vault_key}")
        return
    if (size, sha256) != (row.size, row.sha256):
        yield Disagreement(VAULT_DAMAGED, row.filename, f"{row.vault_key} has {size} bytes, sha256 {sha256}")
    if not vault.exists(f"{row.vault_key}.facts.json"):
        yield Disagreement(VAULT_FACTS, row.filename, f"the vault has no {row.vault_key}.facts.json")
    if row.metadata_sha256 is not None:
        yield from _beside(vault, VAULT_METADATA, row, ".metadata", row.metadata_sha256)
    if row.provenance_sha256 is not None:
        yield from _beside(vault, VAULT_PROVENANCE, row, ".provenance", row.provenance_sha256)


def _beside(vault: Storage, kind: str, row: Any, end: str, wanted: str) -> Iterator[Disagreement]:
    """What lies beside a blob must be there, with this digest."""
    name = row.vault_key + end
    try:
        sha256 = digest(vault, name)[1]
    except NotStored:
        yield Disagreement(kind, row.filename, f"the vault has no {name}")
        return
    if sha256 != wanted:
        yield Disagreement(kind, row.filename, f"{name} has sha256 {sha256}")


def _orphans(ground: Ground) -> Iterator[Disagreement]:
    # A listing comes before its rows: whatever is accepted meanwhile has its row by the time that rows are read.
    old = (entry.name for entry in ground.vault.entries("") if entry.modified < ground.now - ORPHAN_AGE)
    for names in chunks(old, AT_ONCE):
        with ground.db.read() as conn:
            digests = {name[:64] for name in names}
            named = set(conn.execute(select(file.c.vault_key).where(file.c.sha256.in_(digests))).scalars())
        for name in sorted(names):
            if _key(name) not in named:
                yield Disagreement(VAULT_ORPHAN, name, "no file's row names it")


def _key(name: str) -> str:
    for end in BESIDE:
        name = name.removesuffix(end)
    return name
