"""Take-down jobs: the bytes of a file that may no longer be served leave the public store, at once.

The publication that takes the file out of pages and bins follows; clients of the older snapshot meanwhile get 404, never
the bytes. Caches are purged by a job of their own that this one queues, so that no cache keeps the next file in the store.
What an owner removes goes the other way round (PUBLICATION.md, "Withdrawal"): publication, plain page, purge confirmed, the
page's time in caches, then the bytes.

The file row is locked while objects are deleted, and its state read anew under the lock: the publisher exposes
files under the same lock, so a file released meanwhile is never removed. Two later looks catch what a slow writer or a
cache put back: after 60 seconds and after 10 minutes (PUBLICATION.md, "Sweep").
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, select

from bonded.catalog.locks import lock_file
from bonded.catalog.read import File, served
from bonded.catalog.read import file as read_file
from bonded.catalog.rules import NO_SUCH_FILE
from bonded.catalog.tables import file as file_table
from bonded.db.engine import Tx
from bonded.db.jobs import Job, enqueue
from bonded.db.worker import Effects
from bonded.tuf import purge
from bonded.tuf.context import Publisher
from bonded.tuf.plan import Exposure
from bonded.tuf.put import expose
from bonded.tuf.roles import file_path, hash32
from bonded.tuf.tables import page, target
from bonded.tuf.threads import several
from bonded.values.refusals import Refusal
from bonded.values.states import FileState

QUEUE = "takedown"
LOOKS = (timedelta(seconds=60), timedelta(minutes=10))
"""When a take-down looks again, counted from its first run."""
COPIES = ("", ".gz", ".zst")

log = structlog.get_logger("bonded.takedown")


PAGE_WAIT = timedelta(seconds=2)
"""How soon to look again whether the plain page has followed a publication."""


class StillThere(Exception):
    """An object that was deleted is still in the store: the job comes back."""


def handle(p: Publisher, job: Job, now: datetime) -> Effects | None:
    """Remove what must not be served of one file, verify, have it purged. Payload: {"file_id", "look", "after"}.

    With "after", the number of a publication, an owner removed it: nothing goes before the plain page shows that
    publication. Raises StillThere or the store's error; the job then comes back for ever, at least once a minute.
    If we stop anywhere, the job's lease ends and it runs again: deleting twice does no harm.
    """
    file_id = str(job.payload["file_id"])
    if after := job.payload.get("after"):
        return _when_shown(p, job, file_id, int(after), now)
    names = _remove(p, file_id)
    if not names:
        _put_back(p, file_id)
        return None
    _verify(p, file_id, names)
    look = int(job.payload.get("look", 0))
    log.info("withdrawn", file=file_id, look=look)

    def effects(tx: Tx) -> None:
        own = f"file:{job.id}:{job.attempt}"
        purge.later(tx, p.purger, own, purge_keys(names), now=now)
        if not look:
            purge.later(tx, p.purger, f"{own}:again", purge_keys(names), now=now + purge.AGAIN)
            _look_again(tx, file_id, now)

    return effects


def _when_shown(p: Publisher, job: Job, file_id: str, after: int, now: datetime) -> Effects | None:
    """Once the project's plain page shows publication `after`: purge it, and let the bytes go when caches have."""
    with p.db.read() as conn:
        taken = read_file(conn, file_id)
        if taken is None or served(conn, file_id):
            return None
        key = taken.project_key
        shown = conn.execute(select(page.c.plain_n).where(page.c.project_key == key)).scalar_one_or_none()

    def effects(tx: Tx) -> None:
        if shown is not None and shown < after:
            enqueue(tx, QUEUE, job.key, job.payload, now=now, due=now + PAGE_WAIT)
        else:
            keys = [f"project/{key}"]
            purge.later(tx, p.purger, f"removed:{job.id}:{job.attempt}", keys, now=now, then=[file_id])

    return effects


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
        with several(1, p.public.at_once) as each:
            each(p.public.delete, names)
        return names


def _put_back(p: Publisher, file_id: str) -> None:
    """A file released before any publication withdrew it is still listed, so none brings its bytes back: do it here.

    Under the file row's lock, as everything here: whoever withdraws it meanwhile waits, and removes it again.
    """
    with p.db.write() as tx:
        taken = read_file(tx, file_id)
        if taken is None:
            return
        path = file_path(taken.project_key, taken.filename)
        if p.public.exists(path) or not _is_listed(tx, path, taken.sha256):
            return
        lock_file(tx, file_id)
        if served(tx, file_id):
            expose(p, Exposure(path, file_id, taken.vault_key, taken.sha256, taken.size, taken.metadata_sha256))
            log.info("put back", file=file_id)


def _is_listed(conn: Connection, path: str, sha256: str) -> bool:
    """Whether the live publication lists the file."""
    here = (target.c.hash32 == hash32(path)) & (target.c.path == path) & (target.c.sha256 == sha256)
    return conn.execute(select(target.c.path).where(here)).first() is not None


def _name_used_again(conn: Connection, taken: File) -> bool:
    """Whether another file is public under the name: possible only where this one never was public."""
    other = select(file_table.c.id).where(
        file_table.c.filename == taken.filename,
        file_table.c.id != taken.id,
        file_table.c.state.concat("") == FileState.PUBLIC,  # by name, not by the index of states
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


def _look_again(tx: Tx, file_id: str, now: datetime) -> None:
    for number, pause in enumerate(LOOKS, start=1):
        payload = {"file_id": file_id, "look": number}
        enqueue(tx, QUEUE, f"takedown:{file_id}:{number}", payload, now=now, due=now + pause)
