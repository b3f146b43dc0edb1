"""fsck looks at the objects of the public store: each target's bytes, its other names and copies, and what must not be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from sqlalchemy import Connection, select

from bonded.catalog.read import FILES
from bonded.catalog.tables import file, project
from bonded.db.jobs import job
from bonded.ops.disagreements import Disagreement, define
from bonded.ops.fsck_pages import AT_ONCE, all_targets, pieces, targets_at
from bonded.ops.ground import Ground
from bonded.ops.look_vault import digest
from bonded.seams import NotStored, Storage
from bonded.tuf.packing import holds
from bonded.tuf.roles import file_path, hashed, page_path
from bonded.tuf.settle import chunks
from bonded.tuf.tables import page
from bonded.tuf.threads import ahead, few_large
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

SERVED = (file.c.state == FileState.PUBLIC) & (project.c.status != ProjectStatus.QUARANTINED) & ~project.c.deleted
_HASHED = re.compile(r"([0-9a-f]{64})\.(.+)")
_METADATA = re.compile(r"(.+)\.metadata(?:\.gz|\.zst)?")


def look(ground: Ground) -> Iterator[Disagreement]:
    """Every target's bytes, then everything under packages/, then copies. Reads the whole public store."""
    for targets in all_targets(ground.db):
        yield from of_targets(ground.public, targets)
    yield from _metadata(ground)
    yield from _packages(ground)
    yield from _plain(ground)
    yield from _copies(ground.public)


def of_targets(store: Storage, targets: Iterable[tuple[str, str, int]]) -> Iterator[Disagreement]:
    """The bytes of targets, (path, sha256, length) each, under each of their names."""
    return _objects(
        store,
        (
            (name, sha256, length)
            for path, sha256, length in targets
            for name in [hashed(path, sha256)] + ([path] if path.startswith("packages/") else [])
        ),
    )


def _objects(store: Storage, wanted: Iterable[tuple[str, str, int | None]]) -> Iterator[Disagreement]:
    """Objects that must have this sha256 and, where it is known, this length."""

    def look_at(item: tuple[str, str, int | None]) -> list[Disagreement]:
        return list(_object(store, *item))

    one = few_large(look_at, lambda item: item[2] or 0)
    for found in ahead(one, wanted, store.at_once):
        yield from found


def _object(store: Storage, name: str, sha256: str, length: int | None) -> Iterator[Disagreement]:
    try:
        size, found = digest(store, name)
    except NotStored:
        yield Disagreement(OBJECT_MISSING, name, "it is not in the store")
        return
    if found != sha256 or (length is not None and size != length):
        yield Disagreement(OBJECT_DAMAGED, name, f"it has {size} bytes, sha256 {found}, and {sha256} is signed")


def _metadata(ground: Ground) -> Iterator[Disagreement]:
    """The .metadata (PEP 658) of every published file."""
    c = file.c
    wanted = select(c.id, project.c.key, c.filename, c.metadata_sha256).select_from(FILES)
    for rows in pieces(ground.db, wanted.where(SERVED, c.metadata_sha256.is_not(None)), c.id):
        paths = {file_path(row.key, row.filename): row.metadata_sha256 for row in rows}
        with ground.db.read() as conn:
            published = targets_at(conn, paths)
        beside = [(f"{path}.metadata", sha256, None) for path, sha256 in paths.items() if path in published]
        yield from _objects(ground.public, beside)


def _packages(ground: Ground) -> Iterator[Disagreement]:
    """Nothing is under packages/ but served files, under their two names, and their .metadata."""
    for names in chunks((entry.name for entry in ground.public.entries("packages/")), AT_ONCE):
        parsed = {name: _parsed(name) for name in names}
        with ground.db.read() as conn:
            served = _served(conn, {one[1] for one in parsed.values() if one})
        for name, one in sorted(parsed.items()):
            sha256 = served.get(one[:2]) if one else None
            if one is None or sha256 is None or one[2] not in ("", sha256):
                yield Disagreement(NOT_ALLOWED, name, "no file that may be served has this name")


def _parsed(name: str) -> tuple[str, str, str] | None:
    """(project, file name, sha256 or "") that an object under packages/ stands for; None for any other name."""
    parts = name.split("/")
    if len(parts) != 3:
        return None
    key, last = parts[1:]
    if found := _METADATA.fullmatch(last):
        return key, found[1], ""
    found = _HASHED.fullmatch(last)
    return (key, found[2], found[1]) if found else (key, last, "")


def _served(conn: Connection, filenames: set[str]) -> dict[tuple[str, str], str]:
    """(project, file name) -> sha256 of those files that may be served."""
    wanted = select(project.c.key, file.c.filename, file.c.sha256).select_from(FILES)
    rows = conn.execute(wanted.where(SERVED, file.c.filename.in_(filenames)))
    return {(key, filename): sha256 for key, filename, sha256 in rows}


def _plain(ground: Ground) -> Iterator[Disagreement]:
    with ground.db.read() as conn:
        waiting = set(conn.execute(select(job.c.key).where(job.c.queue == "plain")).scalars())
    c = page.c
    for rows in pieces(ground.db, select(c.project_key, c.html_sha256, c.json_sha256), c.project_key):
        wanted = [
            (page_path(key, form), sha256)
            for key, html, json in rows
            if f"plain:{key}" not in waiting
            for form, sha256 in (("html", html), ("json", json))
        ]
        live = ahead(partial(_sha256, ground.public), [name for name, _ in wanted], ground.public.at_once)
        for (name, sha256), found in zip(wanted, live, strict=True):
            if found != sha256:
                told = f"it has sha256 {found or 'none'}, the live page {sha256 or 'none'}"
                yield Disagreement(PLAIN_STALE, name, told)


def _sha256(store: Storage, name: str) -> str:
    """Of an object's bytes; "" where there is none."""
    try:
        return digest(store, name)[1]
    except NotStored:
        return ""


def _copies(store: Storage) -> Iterator[Disagreement]:
    """Compressed copies of pages and metadata against what they stand for."""

    def right(name: str) -> bool:
        original, _, end = name.rpartition(".")
        try:
            return holds(store.get(name).data, end, store.get(original).data)
        except NotStored:  # a sweep was here, or it stands for nothing, of which another look tells
            return True

    for prefix in ("simple/", "metadata/", "pypi/"):
        copies = (entry.name for entry in store.entries(prefix) if entry.name.endswith((".gz", ".zst")))
        for names in chunks(copies, AT_ONCE):
            for name, same in zip(names, ahead(right, names, store.at_once), strict=True):
                if not same:
                    original = name.rpartition(".")[0]
                    yield Disagreement(COPY_DIFFERS, name, f"it does not decode to the bytes of {original}")
