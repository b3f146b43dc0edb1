"""Take-down jobs: the bytes of a file that may no longer be served leave the public store, at once.

The publication that takes the file out of pages and bins follows; clients of the older snapshot meanwhile get 404, never
the bytes. The file row is locked while objects are deleted, and its state read anew under the lock: the publisher exposes
files under the same lock, so a file released meanwhile is never removed. Two later looks catch what a slow writer or a
cache put back: after 60 seconds and after 10 minutes (PUBLICATION.md, "Sweep").
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, select

from bonded.catalog.locks import lock_file
from bonded.catalog.read import File, served
from bonded.catalog.rules import NO_SUCH_FILE
from bonded.catalog.tables import file as file_table
from bonded.db.engine import Tx
from bonded.db.jobs import Job, enqueue
from bonded.db.worker import Effects
from bonded.tuf.context import Publisher
from bonded.values.refusals import Refusal
from bonded.values.states import FileState

QUEUE = "takedown"
LOOKS = (timedelta(seconds=60), timedelta(minutes=10))
"""When a take-down looks again, counted from its first run."""
COPIES = ("", ".gz", ".zst")

log = structlog.get_logger("bonded.takedown")


class StillThere(Exception):
    """An object that was deleted is still in the store: the job comes back."""


def handle(p: Publisher, job: Job, now: datetime) -> Effects | None:
    """Remove what must not be served of one file, purge it from caches, verify. Payload: {"file_id", "look"}.

    Raises StillThere or the store's or purger's error; the job then comes back for ever, at least once a minute.
    If we stop anywhere, the job's lease ends and it runs again: deleting twice does no harm.
    """
    file_id = str(job.payload["file_id"])
    names = _remove(p, file_id)
    if not names:
        return None
    p.purger.purge(purge_keys(names))
    _verify(p, file_id, names)
    look = int(job.payload.get("look", 0))
    log.info("withdrawn", file=file_id, look=look)
    return None if look else _look_again(file_id, now)


def objects(taken: File) -> list[str]:
    """Every name under which bytes of the file, or of its metadata, are in the public store."""
    folder = f"packages/{taken.project_key}"
    named = [f"{folder}/{taken.filename}", f"{folder}/{taken.sha256}.{taken.filename}"]
    return named + [f"{folder}/{taken.filename}.metadata{copy}" for copy in COPIES]


def purge_keys(names: list[str]) -> list[str]:
    """The surrogate keys of objects in the public store."""
    return [f"file/{name}" for name in names]


def _remove(p: Publisher, file_id: str) -> list[str]:
    """Delete the file's objects under its row's lock. [] when it is served (again), or is not ours to delete."""
    with p.db.write() as tx:
        try:
            taken = lock_file(tx, file_id)
        except Refusal as refusal:
            if refusal.code == NO_SUCH_FILE:
                return []  # a restored database does not know it: fsck names what is in the store without a row
            raise
        if served(tx, file_id) or _name_used_again(tx, taken):
            return []
        names = objects(taken)
        for name in names:
            p.public.delete(name)
        return names


def _name_used_again(conn: Connection, taken: File) -> bool:
    """Whether another file is public under the name: possible only where this one never was public."""
    other = select(file_table.c.id).where(
        file_table.c.filename == taken.filename,
        file_table.c.id != taken.id,
        file_table.c.state == FileState.PUBLIC,
    )
    return conn.execute(other).first() is not None


def _verify(p: Publisher, file_id: str, names: list[str]) -> None:
    """Raise StillThere when an object is there although the file may not be served (nor was released meanwhile)."""
    left = [name for name in names if p.public.exists(name)]
    if not left:
        return
    with p.db.read() as conn:
        if not served(conn, file_id):
            raise StillThere(f"{left[0]} is still in the public store")


def _look_again(file_id: str, now: datetime) -> Effects:
    def effects(tx: Tx) -> None:
        for number, pause in enumerate(LOOKS, start=1):
            payload = {"file_id": file_id, "look": number}
            enqueue(tx, QUEUE, f"takedown:{file_id}:{number}", payload, now=now, due=now + pause)

    return effects
