"""`documents:<project>` jobs: the JSON API's documents of a project are written after its plain pages, which installers read.

Like plain copies they are written under the project row's lock from what is live then, so an older document never
overwrites a newer one; a job takes others along that wait.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from bonded.db.engine import Tx
from bonded.db.jobs import Job, enqueue_all
from bonded.db.worker import Effects
from bonded.tuf import purge
from bonded.tuf.context import Publisher
from bonded.tuf.documents import documents_to_write
from bonded.tuf.plain import DOCUMENTS, TOGETHER, drop_jobs, lock_pages, others_waiting, purge_of
from bonded.tuf.tables import page
from bonded.tuf.threads import several

AT_ONCE = 500


def handle(p: Publisher, job: Job, now: datetime) -> Effects | None:
    """Write what differs of the documents of the payload's project, and of others that wait with it.

    Raises the store's error; the job comes back for ever. If we stop anywhere, it runs again.
    """
    key = str(job.payload["project"])
    done = _write(p, [key], wait=True)
    others = others_waiting(p, DOCUMENTS, key, now)
    for start in range(0, len(others), TOGETHER):
        done |= _write(p, others[start : start + TOGETHER], wait=False)
    p.public.barrier()

    def effects(tx: Tx) -> None:
        drop_jobs(tx, DOCUMENTS, done)
        keys = purge_of(sorted({key, *done}))
        purge.later(tx, p.purger, f"{DOCUMENTS}:{job.id}:{job.attempt}", keys, now=now)

    return effects


def ask_for(tx: Tx, projects: Iterable[str], *, now: datetime) -> None:
    """Have the documents of these projects looked at again, those that have a page: something that only they show changed."""
    wanted = sorted(set(projects))
    for start in range(0, len(wanted), AT_ONCE):
        shown = page.c.project_key.in_(wanted[start : start + AT_ONCE])
        here = tx.execute(select(page.c.project_key).where(shown, page.c.html_sha256 != "")).scalars()
        enqueue_all(tx, DOCUMENTS, [(f"{DOCUMENTS}:{key}", {"project": key}) for key in here], now=now)


def _write(p: Publisher, keys: list[str], *, wait: bool) -> dict[str, int]:
    """The documents of these projects; returns the publications that they show, by project."""
    with p.db.write() as tx:
        pages = lock_pages(tx, keys, wait=wait)
        shown = {key: live.n if live is not None and live.html else None for key, live in pages.items()}
        changed = documents_to_write(p, tx, shown)
        with several(p.settings.writers) as each:
            each(lambda document: p.public.put(*document), changed)
    return {key: live.n for key, live in pages.items() if live is not None}
