"""Differences of two archives: a job makes them in the sandbox, pages and commands read what it stored.

Stored as zstd of JSON: `{"old", "new", "same", "changes": [{"kind", "old", "new", "old_size", "new_size", "lines",
"note"}...], "left_out", "unread"}`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO

import orjson
import zstandard
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from bonded.catalog import read
from bonded.catalog.read import File
from bonded.catalog.rules import NO_SUCH_FILE
from bonded.catalog.tables import comparison as table
from bonded.db.engine import Tx
from bonded.db.jobs import Job, enqueue
from bonded.db.worker import Effects
from bonded.journal import record
from bonded.review.compare_child import diff_call, listing_call, texts_call
from bonded.review.compare_plan import Change, Member, is_wheel, plan
from bonded.review.settings import ReviewContext
from bonded.seams import NotStored, SandboxResult
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, SubjectKind
from bonded.values.versions import version_order
from bonded.values.who import Actor

QUEUE = "compare"
MOST_CHANGES = 2000
MOST_BY_LINE = 200
MAX_STORED = 16 * 1024 * 1024
ANY = "*"
"""In place of a wheel's tags: whatever they are."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One change with the lines of its unified difference; `note` says why there are none, or not all."""

    change: Change
    lines: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found. `outcome` is "ok" or why nothing was: the archive is gone, or how the sandbox ended."""

    outcome: str
    same: int
    changes: tuple[Changed, ...]
    left_out: int
    unread: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Pair:
    """A file with what it is worth comparing with. `why` is "previous" (release) or "sdist" (of the same release)."""

    old: File
    new: File
    why: str


class Failed(Exception):
    """The sandbox did not get to an answer; the message says how it ended."""


def ask(tx: Tx, old_id: str, new_id: str, *, now: datetime) -> None:
    """Have two files compared. The newest answer is kept."""
    enqueue(tx, QUEUE, f"compare:{old_id}:{new_id}", {"old": old_id, "new": new_id}, now=now, max_attempts=2)


def ask_by(tx: Tx, who: Actor, pair: Pair, *, now: datetime) -> None:
    """The same, asked by a person: it stands in the journal."""
    facts = {"filename": pair.new.filename, "with": pair.old.filename}
    subject = (SubjectKind.FILE, pair.new.id)
    record(tx, "review.compare", who, subject, now=now, project=pair.new.project_key, facts=facts)
    ask(tx, pair.old.id, pair.new.id, now=now)


def handle(context: ReviewContext, job: Job, now: datetime) -> Effects | None:
    """The job. None when a file is gone from the catalogue. Raises StorageError: the job tries again."""
    with context.db.read() as conn:
        old, new = read.file(conn, str(job.payload["old"])), read.file(conn, str(job.payload["new"]))
    if old is None or new is None:
        return None
    return partial(store, old.id, new.id, *compare(context, old, new), now)


def compare(context: ReviewContext, old: File, new: File) -> tuple[str, dict[str, Any]]:
    """(outcome, what to store). Raises StorageError when the vault fails."""
    try:
        with context.vault.open(old.vault_key) as before, context.vault.open(new.vault_key) as after:
            return "ok", _compared(context, (before, old.filename), (after, new.filename))
    except NotStored:
        return "gone", {}
    except Failed as failure:
        return str(failure), {}


def store(old_id: str, new_id: str, outcome: str, data: dict[str, Any], now: datetime, tx: Tx) -> None:
    """Keep the answer in place of an earlier one."""
    packed = zstandard.ZstdCompressor(level=6).compress(orjson.dumps(data))
    make = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    new = {"outcome": outcome, "data": packed, "created_at": now}
    statement = make(table).values(old_file_id=old_id, new_file_id=new_id, **new)
    tx.execute(statement.on_conflict_do_update(index_elements=[table.c.old_file_id, table.c.new_file_id], set_=new))


def comparison(conn: Connection, old_id: str, new_id: str) -> Comparison | None:
    """What was stored about two files, None when they were not compared yet."""
    row = conn.execute(select(table).where(table.c.old_file_id == old_id, table.c.new_file_id == new_id)).one_or_none()
    if row is None:
        return None
    with zstandard.ZstdDecompressor().stream_reader(bytes(row.data)) as stream:
        data = orjson.loads(stream.read(MAX_STORED))
    changes = tuple(_changed(one) for one in data.get("changes", []))
    unread = tuple(map(str, data.get("unread", [])))
    return Comparison(row.outcome, data.get("same", 0), changes, data.get("left_out", 0), unread, row.created_at)


def pairs(conn: Connection, files: Iterable[File]) -> list[Pair]:
    """What files of one project are worth comparing with, each pair once: the release before it, and the sdist of its release
    with its wheel."""
    chosen = list(files)
    return pairs_among(read.files(conn, chosen[0].project_id), chosen) if chosen else []


def pairs_among(files: Iterable[File], chosen: Iterable[File]) -> list[Pair]:
    """The same of all files of their project. Pure. Thousands of files are looked at once, not once for each of them."""
    others = [one for one in files if one.state is not FileState.REMOVED]
    earlier, siblings = _Earlier(others), _siblings(others)
    every = [pair for one in chosen for pair in (earlier.of(one), _sibling(siblings, one)) if pair is not None]
    return list({(pair.old.id, pair.new.id): pair for pair in every}.values())


def file_of(conn: Connection, file_id: str) -> File:
    """The file. Raises Refusal (no-such-file)."""
    found = read.file(conn, file_id)
    if found is None:
        raise Refusal(NO_SUCH_FILE, "there is no such file")
    return found


class _Earlier:
    """Finds the file of the same kind in the highest version below; one that was public, for the same platform, first."""

    def __init__(self, files: Iterable[File]) -> None:
        self._best: dict[tuple[bool, bool], dict[Any, dict[str, File]]] = {}
        for one in sorted(files, key=lambda one: one.filename):
            of_version = self._best.setdefault((is_wheel(one.filename), one.burnt), {})
            best = of_version.setdefault(version_order(one.version), {})
            best[_tags(one)] = best[ANY] = one
        self._versions = {kind: sorted(of_version) for kind, of_version in self._best.items()}

    def of(self, file: File) -> Pair | None:
        wheel, own = is_wheel(file.filename), version_order(file.version)
        for kind in ((wheel, True), (wheel, False)):
            versions = self._versions.get(kind, [])
            below = bisect_left(versions, own)
            if below:
                best = self._best[kind][versions[below - 1]]
                return Pair(best.get(_tags(file), best[ANY]), file, "previous")
        return None


def _siblings(files: Iterable[File]) -> dict[tuple[str, bool], File]:
    """The file of each kind in each release that stands for the others."""
    ordered = sorted(files, key=lambda one: (one.holds_name, one.uploaded_at, one.filename))
    return {(one.release_id, is_wheel(one.filename)): one for one in ordered}


def _sibling(siblings: dict[tuple[str, bool], File], file: File) -> Pair | None:
    wheel = is_wheel(file.filename)
    other = siblings.get((file.release_id, not wheel))
    if other is None:
        return None
    return Pair(other, file, "sdist") if wheel else Pair(file, other, "sdist")


def _tags(file: File) -> str:
    return "-".join(file.filename.rsplit("-", 3)[1:]) if is_wheel(file.filename) else ""


Opened = tuple[BinaryIO, str]


def _compared(context: ReviewContext, old: Opened, new: Opened) -> dict[str, Any]:
    before, after = _listing(context, old), _listing(context, new)
    found = plan(old[1], _members(before), new[1], _members(after))
    shown = found.changes[:MOST_CHANGES]
    by_line = [one for one in shown if one.by_line][:MOST_BY_LINE]
    lines = dict(zip(by_line, _differences(context, old, new, by_line), strict=True))
    return {
        "old": old[1],
        "new": new[1],
        "same": found.same,
        "changes": [_stored(one, *lines.get(one, ([], ""))) for one in shown],
        "left_out": len(found.changes) - len(shown),
        "unread": [*before["unread"], *after["unread"]][:50],
    }


def _listing(context: ReviewContext, archive: Opened) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(_run(context, listing_call, archive[1].encode(), archive[0]))
    return found


def _members(listing: dict[str, Any]) -> list[Member]:
    return [(path, size, digest) for path, size, digest in listing["members"]]


def _differences(
    context: ReviewContext, old: Opened, new: Opened, changes: list[Change]
) -> list[tuple[list[str], str]]:
    if not changes:
        return []
    wanted = {"filename": old[1], "paths": [one.old for one in changes if one.old is not None]}
    texts = orjson.loads(_run(context, texts_call, orjson.dumps(wanted), old[0]))
    asked = {"filename": new[1], "pairs": [[one.old, one.new] for one in changes], "old": texts}
    return [(lines, note) for lines, note in orjson.loads(_run(context, diff_call, orjson.dumps(asked), new[0]))]


def _run(context: ReviewContext, call: Any, argument: bytes, stream: BinaryIO) -> bytes:
    stream.seek(0)
    limits: dict[str, Any] = {"cpu_seconds": context.cpu_seconds, "memory_bytes": context.memory_bytes}
    result: SandboxResult = context.sandbox.run(call, argument, attachment=stream, **limits)
    if result.outcome != "ok":
        raise Failed(result.outcome)
    return result.value


def _stored(change: Change, lines: list[str], note: str) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "old": change.old,
        "new": change.new,
        "old_size": change.old_size,
        "new_size": change.new_size,
        "lines": lines,
        "note": note,
    }


def _changed(raw: dict[str, Any]) -> Changed:
    change = Change(raw["kind"], raw["old"], raw["new"], raw["old_size"], raw["new_size"])
    return Changed(change, tuple(raw["lines"]), raw["note"])
