"""Locking rows before they change. Always the project first, then its files: so no two changes wait for each other.

On SQLite the transaction itself is the lock, and FOR UPDATE is not written.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, select

from bonded.catalog import read
from bonded.catalog.rules import NO_SUCH_FILE, NO_SUCH_PROJECT
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.db.engine import Tx
from bonded.values.refusals import Refusal

_PROJECT = select(*read.PROJECT_COLUMNS).where(project_table.c.key == bindparam("key")).with_for_update(key_share=True)
_FILE = read.ANY_FILE.where(file_table.c.id == bindparam("file")).with_for_update(of=file_table, key_share=True)


def lock_project(tx: Tx, key: str) -> read.Project:
    """The project, locked until the end of the transaction. Raises Refusal (no-such-project).

    FOR NO KEY UPDATE on PostgreSQL: rows that refer to it may be inserted meanwhile by others.
    """
    found = try_lock_project(tx, key)
    if found is None:
        raise Refusal(NO_SUCH_PROJECT, f"there is no project {key}")
    return found


def try_lock_project(tx: Tx, key: str) -> read.Project | None:
    """The project as by `lock_project`, None where there is none."""
    row = tx.execute(_PROJECT, {"key": key}).one_or_none()
    return read.as_project(row) if row else None


def lock_file(tx: Tx, file_id: str) -> read.File:
    """The file as it is now, it and its project locked until the end of the transaction. Raises Refusal (no-such-file)."""
    seen = read.file(tx, file_id)
    if seen is None:
        raise Refusal(NO_SUCH_FILE, "there is no such file")
    return lock_seen(tx, seen)


def lock_seen(tx: Tx, seen: read.File) -> read.File:
    """`lock_file` for a file that was read before: what never changes of it, its project's name, is not read again.

    Raises Refusal (no-such-file).
    """
    if tx.dialect.name == "postgresql":  # on SQLite the transaction has locked everything
        lock_project(tx, seen.project_key)
    row = tx.execute(_FILE, {"file": seen.id}).one_or_none()
    if row is None:
        raise Refusal(NO_SUCH_FILE, "there is no such file")
    return read.as_file(row)


def lock_files(tx: Tx, file_ids: Iterable[str]) -> list[read.File]:
    """Several files, each once, locked project by project in one order for everybody. Raises Refusal (no-such-file)."""
    seen = []
    for file_id in set(file_ids):
        found = read.file(tx, file_id)
        if found is None:
            raise Refusal(NO_SUCH_FILE, "there is no such file")
        seen.append((found.project_key, file_id))
    # All projects before any file: then nobody holds a file while waiting for a project that its holder waits for.
    for key in sorted({key for key, _ in seen}):
        lock_project(tx, key)
    return [lock_file(tx, file_id) for _, file_id in sorted(seen)]
