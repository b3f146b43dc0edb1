"""`bonded backup`: a consistent copy of a data directory while it runs.

The database comes first, in one snapshot; everything it names was durable before it was named, and is copied afterwards.
The backup's timestamp is the one that the database knew as live, so database and metadata belong together whatever was
published meanwhile. Plain pages, JSON documents and packages are not copied: `bonded restore` makes them from the rest.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import orjson

from bonded.ops.backup_sink import Sink
from bonded.seams import NotStored, Storage
from bonded.tuf.roles import hashed, page_path
from bonded.values.refusals import define
from bonded.values.text import iso

NOT_SQLITE = define(
    "backup-needs-sqlite",
    400,
    "The database is not a file",
    "Bonded copies SQLite databases itself. Back up PostgreSQL with its own tools first (pg_dump, or a base backup with WAL), then "
    "run the backup with --without-database: in this order, every row's bytes are in the copy.",
)

FORMAT = 1
MANIFEST = "backup.json"
CONFIGURATION = "bonded.toml"
DATABASE = "bonded.db"
ROOT = "keys/root.json"
ROOM = "bonded-backup-"
"""Begins the name of the folder for the copy of the database, in the data directory."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is copied. `database` is the SQLite file, None to leave it out; `timestamp` is used then."""

    directory: Path
    database: Path | None
    vault: Storage
    public: Storage
    keys: bool
    """Whether private keys and their passphrase go into the copy: it must be guarded like the keys, then."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was written: objects and bytes."""

    objects: int
    size: int
    live: int
    """The publication that a restore goes on from."""


def backup(source: Source, sink: Sink, *, now: datetime, progress: Callable[[str], None]) -> Report:
    """Copy everything into `sink`, the manifest last. Raises StorageError when the store lacks what is live.

    If we stop halfway, the sink has no manifest and its final name does not exist.
    """
    with _room(source.directory) as where:
        # Read before the database is copied: where the database knows no publication yet, this one is its base.
        timestamp = source.public.get("metadata/timestamp.json").data
        copied = None if source.database is None else copy_database(source.database, where / DATABASE)
        timestamp = (live_timestamp(copied) if copied else None) or timestamp
        progress("configuration and keys")
        _configuration(source, sink)
        if copied is not None:
            progress("database")
            with copied.open("rb") as stream:
                sink.add(DATABASE, stream)
        progress("metadata")
        sink.add_bytes("public/metadata/timestamp.json", timestamp)
        _objects(source.public, "public", _metadata(source.public, timestamp), sink)
        live = int(orjson.loads(timestamp)["signed"]["version"])
        _objects(source.public, "public", _records(source.public, live), sink)
        progress("pages")
        pages = _pages(source.public) if copied is None else known_pages(copied)
        _objects(source.public, "public", pages, sink)
        progress("vault")
        _objects(source.vault, "vault", _listed(source.vault, ""), sink)
    manifest = {
        "format": FORMAT,
        "made_at": iso(now),
        "live": live,
        "database": copied is not None,
        "keys": source.keys,
    }
    sink.add_bytes(MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    return Report(sink.objects, sink.size, live)


@contextmanager
def _room(directory: Path) -> Iterator[Path]:
    """A folder for the copy of the database, locked while it is in use; those of backups that were killed are removed."""
    with ExitStack() as stack:
        with locked(directory):  # nobody looks for leftovers between making and locking
            for left in directory.glob(f"{ROOM}*"):
                with suppress(OSError), locked(left, wait=False):
                    shutil.rmtree(left)
            where = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=ROOM, dir=directory)))
            stack.enter_context(locked(where))
        yield where


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a folder's lock, whatever it is named meanwhile. Raises BlockingIOError where another has it and we do not wait."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def copy_database(path: Path, into: Path) -> Path:
    """One snapshot of a SQLite database that may be in use, by SQLite's online backup; writers are not kept waiting."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as live, closing(sqlite3.connect(into)) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
    return into


def live_timestamp(database: Path) -> bytes | None:
    """The timestamp that the copied database knows as live; None when it has not settled a publication yet."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as copy:
        row = copy.execute("SELECT timestamp FROM publication WHERE state = 'live' ORDER BY n DESC LIMIT 1").fetchone()
    return bytes(row[0]) if row else None


def _configuration(source: Source, sink: Sink) -> None:
    wanted = [source.directory / CONFIGURATION, source.directory / ROOT]
    if source.keys:
        folders = (source.directory / "keys", source.directory / "secrets")
        wanted = wanted[:1] + sorted(p for folder in folders for p in folder.rglob("*") if p.is_file())
    for path in wanted:
        if path.exists():
            sink.add_bytes(path.relative_to(source.directory).as_posix(), path.read_bytes(), private=path != wanted[0])


def _metadata(public: Storage, timestamp: bytes) -> Iterator[str]:
    """Names of everything that a client starting from `timestamp` will ask for; and all roots and older snapshots.

    Newer snapshots were put since the database was copied: they sign a journal that it does not hold.
    """
    entry = orjson.loads(timestamp)["signed"]["meta"]["snapshot.json"]
    name = f"metadata/{entry['version']}.snapshot.json"
    snapshot = public.get(name).data
    wanted = {name}
    for role, meta in orjson.loads(snapshot)["signed"]["meta"].items():
        wanted.add(f"metadata/{meta['version']}.{role}")
    there = {e.name for e in public.entries("metadata/")}
    wanted |= {n for n in there if n.endswith(".root.json")}
    wanted |= {n for n in there if n.endswith(".snapshot.json") and _number(n) <= entry["version"]}
    for name in sorted(wanted):
        yield name
        yield from (name + end for end in (".gz", ".zst") if name + end in there)


def _number(name: str) -> int:
    """The version in the name of an object of metadata, or the number of a publication's record; 0 for a pack of a day."""
    first = name.rpartition("/")[2].partition(".")[0]
    return int(first) if first.isdecimal() else 0


def _records(public: Storage, live: int) -> Iterator[str]:
    """The record of publications up to `live`."""
    return (entry.name for entry in public.entries("publications/") if _number(entry.name) <= live)


def _pages(public: Storage) -> Iterator[str]:
    """Hash-named pages and their copies: immutable, and small."""
    for entry in public.entries("simple/"):
        first = entry.name.rpartition("/")[2].partition(".")[0]
        if len(first) == 64 and not set(first) - set("0123456789abcdef"):
            yield entry.name


def known_pages(database: Path) -> Iterator[str]:
    """The hash-named pages that the copied database knows, and their copies: those that are live, and those whose place was
    taken so lately that clients may still ask. A publication under way has put others, which mean nothing to it."""
    live = "SELECT project_key, html_sha256, json_sha256 FROM published_page WHERE html_sha256 != ''"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as copy:
        for key, *digests in copy.execute(live):
            for form, sha256 in zip(("html", "json"), digests, strict=True):
                yield from _with_copies(hashed(page_path(key, form), sha256))
        for (name,) in copy.execute("SELECT name FROM superseded WHERE name LIKE 'simple/%'"):
            yield from _with_copies(name)


def _with_copies(name: str) -> tuple[str, ...]:
    return name, f"{name}.gz", f"{name}.zst"


def _listed(store: Storage, prefix: str) -> Iterator[str]:
    for entry in store.entries(prefix):
        yield entry.name


def _objects(store: Storage, folder: str, names: Iterator[str], sink: Sink) -> None:
    for name in names:
        try:
            stream: BinaryIO = store.open(name)
        except NotStored:
            if folder == "public" and name.startswith("metadata/"):
                raise  # the closure of the timestamp: without it the backup cannot be restored
            continue  # swept since it was listed
        with stream:
            sink.add(f"{folder}/{name}", stream)


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
