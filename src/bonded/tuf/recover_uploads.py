"""Uploads that were accepted and never published: their facts lie beside their bytes, so they outlive the database.

They begin again where they were when they were accepted: received, with a screening job. A file that has a row is never
touched, so what was removed or quarantined does not come back this way.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import structlog
from packaging.utils import canonicalize_version
from sqlalchemy import Connection, insert, select

from bonded.catalog import words
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.db.engine import Database, Tx
from bonded.db.jobs import enqueue
from bonded.journal.record import record
from bonded.tuf.replay_blobs import Blob, Blobs
from bonded.tuf.replay_files import release, uploaded_row
from bonded.tuf.replay_rows import Replayed, make_project
from bonded.tuf.settle import chunks
from bonded.values.names import normalize
from bonded.values.states import FileState, SubjectKind
from bonded.values.who import OPERATOR

AT_ONCE = 200
log = structlog.get_logger("bonded.recover")


def unnamed(db: Database, blobs: Blobs) -> Iterator[list[Blob]]:
    """Blobs with facts that no row names, in batches."""
    for keys in chunks(blobs.with_facts(), AT_ONCE):
        with db.read() as conn:
            ids = _taken(conn, keys)
        keys = [key for key in keys if key.partition(".")[2] not in ids]
        blobs.expect_keys(keys)
        found = [Blob(key, blobs.facts(key)) for key in keys]
        yield [blob for blob in found if blob.facts.get("filename") and blob.facts.get("project")]


def _taken(conn: Connection, keys: list[str]) -> set[str]:
    """Upload ids that a file's row names, by its id or by its blob."""
    ids = [key.partition(".")[2] for key in keys]
    by_id = conn.execute(select(file_table.c.id).where(file_table.c.id.in_(ids))).scalars()
    # By content, which has an index; a row may name a blob of another upload id.
    digests = file_table.c.sha256.in_([key[:64] for key in keys])
    by_blob = conn.execute(select(file_table.c.vault_key).where(digests)).scalars()
    return {*by_id, *(key.partition(".")[2] for key in by_blob)}


def enter(db: Database, blobs: Blobs, done: Replayed, now: datetime) -> None:
    """Enter every upload that no row names. If we stop anywhere, doing it again enters the rest."""
    for batch in unnamed(db, blobs):
        with db.write() as tx:
            for blob in batch:
                done.uploads += _enter(tx, blob, now)


def _enter(tx: Tx, blob: Blob, now: datetime) -> int:
    told = blob.facts
    if not _free(tx, str(told["filename"]), str(told["sha256"])):
        return 0
    try:
        key, name = str(told["project"]), str(told["name"])
        uploaded_at = datetime.fromisoformat(told["uploaded_at"])
        if normalize(name) != key:
            raise ValueError(f"the name {name[:80]!r} is not {key}")
        canonicalize_version(told["version"])
        project_id = _project(tx, key) or make_project(tx, key, name, uploaded_at, now)
        release_id = release(tx, project_id, told["version"], told["metadata"], uploaded_at)
        row = uploaded_row(blob, project_id, release_id, now)
    except (KeyError, ValueError, TypeError) as error:
        log.error("facts in the vault are not whole", blob=blob.key, reason=str(error))
        return 0
    tx.execute(insert(file_table).values(row))
    words.enter(tx, release_id, row["id"], told["metadata"])
    facts = {"filename": row["filename"], "sha256": row["sha256"], "to": FileState.RECEIVED, "from": "the vault"}
    record(tx, "file.recover", OPERATOR, (SubjectKind.FILE, row["id"]), now=now, project=key, facts=facts)
    enqueue(tx, "screen", f"screen:{row['id']}", {"file_id": row["id"]}, now=now)
    return 1


def _free(tx: Tx, filename: str, sha256: str) -> bool:
    """Whether no file holds the name, and none of that name has these bytes, in whatever state it is."""
    c = file_table.c
    rows = tx.execute(select(c.sha256, c.holds_name).where(c.filename == filename)).all()
    return not any(row.holds_name or row.sha256 == sha256 for row in rows)


def _project(tx: Tx, key: str) -> str | None:
    found = tx.execute(select(project_table.c.id).where(project_table.c.key == key)).scalar_one_or_none()
    return None if found is None else str(found)
