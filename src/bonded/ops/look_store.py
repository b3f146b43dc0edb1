"""fsck looks at the objects of the public store: each target's bytes, its other names and copies, and what must not be."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator

import zstandard
from sqlalchemy import Connection, select

from bonded.catalog.read import FILES
from bonded.catalog.tables import file, project
from bonded.db.jobs import job
from bonded.ops.disagreements import Disagreement, define
from bonded.ops.ground import Ground
from bonded.ops.look_vault import digest
from bonded.seams import NotStored, Storage
from bonded.tuf.roles import hashed, page_path
from bonded.tuf.tables import page, target
from bonded.values.states import FileState, ProjectStatus

OBJECT_MISSING = define(
    "object-missing",
    "A target's bytes are not in the public store: installers get 404.",
    "Run `bonded restore --in-place`, which puts back what the vault holds.",
)
OBJECT_DAMAGED = define(
    "object-damaged",
    "An object of the public store holds other bytes than are signed. Verifying clients refuse it; plain pip may not.",
    "Delete the object, then run `bonded restore --in-place`. Find out who can write to the store.",
)
NOT_ALLOWED = define(
    "bytes-not-allowed",
    "The public store serves a file that is not public.",
    "Delete the object at once; look why the take-down did not, and purge caches.",
)
PLAIN_STALE = define(
    "plain-copy-differs",
    "The plain copy of a project's page, which pip and uv read, is not the signed page, and no job is waiting.",
    "Run `bonded restore --in-place`, or record a change of the project.",
)
COPY_DIFFERS = define(
    "compressed-copy-differs",
    "A compressed copy decodes to other bytes than the object that it stands for.",
    "Delete the copy: it is only a help to clients.",
)


def look(ground: Ground) -> Iterator[Disagreement]:
    """Every target's bytes, then everything under packages/, then copies. Reads the whole public store."""
    with ground.db.read() as conn:
        targets = conn.execute(select(target.c.path, target.c.sha256, target.c.length)).all()
    for path, sha256, length in targets:
        names = [hashed(path, sha256)] + ([path] if path.startswith("packages/") else [])
        for name in names:
            yield from _object(ground.public, name, sha256, length)
    yield from _packages(ground)
    with ground.db.read() as conn:
        yield from _plain(ground, conn)
    yield from _copies(ground.public)


def _object(store: Storage, name: str, sha256: str, length: int | None) -> Iterator[Disagreement]:
    try:
        size, found = digest(store, name)
    except NotStored:
        yield Disagreement(OBJECT_MISSING, name, "it is not in the store")
        return
    if found != sha256 or (length is not None and size != length):
        yield Disagreement(OBJECT_DAMAGED, name, f"it has {size} bytes, sha256 {found}, and {sha256} is signed")


def _packages(ground: Ground) -> Iterator[Disagreement]:
    """Nothing is under packages/ but served files, under their two names, and their .metadata."""
    there = [entry.name for entry in ground.public.entries("packages/")]
    with ground.db.read() as conn:
        allowed, metadata = _allowed(conn)
    for name in sorted(there):
        if name.removesuffix(".gz").removesuffix(".zst") not in allowed and name not in allowed:
            yield Disagreement(NOT_ALLOWED, name, "no file that may be served has this name")
    for name, sha256 in metadata.items():
        yield from _object(ground.public, name, sha256, None)


def _allowed(conn: Connection) -> tuple[set[str], dict[str, str]]:
    """Names that may be under packages/, and the digest of each .metadata that has to be there."""
    wanted = (
        select(project.c.key, file.c.filename, file.c.sha256, file.c.metadata_sha256, target.c.path)
        .select_from(FILES)
        .outerjoin(target, target.c.path == "packages/" + project.c.key + "/" + file.c.filename)
        .where(file.c.state == FileState.PUBLIC, project.c.status != ProjectStatus.QUARANTINED, ~project.c.deleted)
    )
    allowed: set[str] = set()
    metadata: dict[str, str] = {}
    for key, filename, sha256, metadata_sha256, published in conn.execute(wanted):
        folder = f"packages/{key}"
        allowed |= {f"{folder}/{filename}", f"{folder}/{sha256}.{filename}", f"{folder}/{filename}.metadata"}
        if metadata_sha256 and published:
            metadata[f"{folder}/{filename}.metadata"] = metadata_sha256
    return allowed, metadata


def _plain(ground: Ground, conn: Connection) -> Iterator[Disagreement]:
    waiting = set(conn.execute(select(job.c.key).where(job.c.queue == "plain")).scalars())
    for key, html, json in conn.execute(select(page.c.project_key, page.c.html_sha256, page.c.json_sha256)):
        if f"plain:{key}" in waiting:
            continue
        for end, sha256 in (("html", html), ("json", json)):
            name = page_path(key, end)
            try:
                found = hashlib.sha256(ground.public.get(name).data).hexdigest()
            except NotStored:
                found = ""
            if found != sha256:
                yield Disagreement(
                    PLAIN_STALE, name, f"it has sha256 {found or 'none'}, the live page {sha256 or 'none'}"
                )


def _copies(store: Storage) -> Iterator[Disagreement]:
    """Compressed copies of pages and metadata against what they stand for."""
    for prefix in ("simple/", "metadata/", "pypi/"):
        for entry in store.entries(prefix):
            original, _, end = entry.name.rpartition(".")
            if end not in ("gz", "zst") or not store.exists(original):
                continue
            if _decoded(store.get(entry.name).data, end) != store.get(original).data:
                yield Disagreement(COPY_DIFFERS, entry.name, f"it does not decode to the bytes of {original}")


def _decoded(data: bytes, end: str) -> bytes | None:
    try:
        return gzip.decompress(data) if end == "gz" else zstandard.ZstdDecompressor().decompressobj().decompress(data)
    except (OSError, EOFError, zstandard.ZstdError):
        return None
