"""All targets as the public record has them after one publication, kept in a scratch database on disk.

The record is followed from the newest publication back, so the first word about a path is the last that was said of it.
Whatever the size of the index, only the targets of one bin are in memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

from bonded.tuf.binfile import Target
from bonded.tuf.packs import Link
from bonded.tuf.roles import Layout, hash32

_TABLE = """CREATE TABLE folded (hash32 INTEGER, path TEXT, sha256 TEXT, length INTEGER,
PRIMARY KEY (hash32, path)) WITHOUT ROWID"""
_FAST = ("journal_mode=OFF", "synchronous=OFF", "cache_size=-65536")


class Folded:
    """A set of targets by path. Use as a context manager: the scratch database goes at its end."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)  # an empty name: a file of its own that SQLite removes
        for pragma in _FAST:
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute(_TABLE)
        self.publications = 0

    def __enter__(self) -> Folded:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._db.close()

    def follow(self, links: Iterable[Link]) -> Folded:
        """Take in the record, newest first. Raises Untrusted, as following it does."""
        self._db.execute("BEGIN")
        for link in links:
            self.publications += 1
            self._take(link.changes["targets"])
        self._db.execute("DELETE FROM folded WHERE sha256 IS NULL")
        self._db.execute("COMMIT")
        return self

    def _take(self, targets: Mapping[str, Any]) -> None:
        rows = (
            (hash32(path), path, new["sha256"] if new else None, new["length"] if new else None)
            for path, new in ((path, change["new"]) for path, change in targets.items())
        )
        self._db.executemany("INSERT OR IGNORE INTO folded VALUES (?, ?, ?, ?)", rows)

    def bin(self, layout: Layout, role: str) -> dict[str, Target]:
        """The targets that belong into one bin."""
        first, last = layout.set_of(role).span(role)
        prefix = layout.prefix_of(role)
        rows = self._db.execute("SELECT path, sha256, length FROM folded WHERE hash32 BETWEEN ? AND ?", (first, last))
        return {path: Target(sha256, length) for path, sha256, length in rows if path.startswith(prefix)}

    def __len__(self) -> int:
        (count,) = self._db.execute("SELECT count(*) FROM folded").fetchone()
        return int(count)
