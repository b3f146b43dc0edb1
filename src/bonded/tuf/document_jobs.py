"""`documents:<project>` jobs: the JSON API's documents of a project are written after its plain pages, which installers read.

Like plain copies they are written under the project row's lock as what is live then has them, so an older document never
overwrites a newer one; a job takes others along that wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from bonded.db.engine import Tx
from bonded.db.jobs import Job, enqueue_all
from bonded.db.worker import Effects
from bonded.tuf import purge
from bonded.tuf.context import Publisher
from bonded.tuf.documents import Change, bases, changes
from bonded.tuf.plain import DOCUMENTS, Live, drop_jobs, live_pages, lock_pages, others_waiting, purge_of
from bonded.tuf.tables import page
from bonded.tuf.threads import several

TOGETHER = 16
"""Projects whose documents are written under one lock: who changes one of them (PostgreSQL), or writes copies (SQLite), waits
meanwhile."""
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
    """The documents of these projects; returns the publications that they show, by project.

    They are made before the locks are taken, and made again under them only if what they are made of has changed: a project
    may have thousands, and others wait for a lock.
    """
    with p.db.read() as conn:
        early = changes(p, conn, bases(conn, _shown(live_pages(conn, keys))))
    with p.db.holding() as tx:
        pages = lock_pages(tx, keys, wait=wait)
        now = bases(tx, _shown(pages))
        late = {key: basis for key, basis in now.items() if early[key].basis != basis}
        made = {**{key: early[key] for key in now.keys() - late.keys()}, **changes(p, tx, late)}
        _apply(p, [made[key] for key in sorted(made)])
    return {key: live.n for key, live in pages.items() if live is not None}


def _shown(pages: Mapping[str, Live | None]) -> dict[str, int | None]:
    """The publication of each page; None where there is nothing to show."""
    return {key: live.n if live is not None and live.html else None for key, live in pages.items()}


def _apply(p: Publisher, made: Sequence[Change]) -> None:
    with several(p.settings.writers, p.public.at_once) as each:
        each(lambda document: p.public.put(*document), [document for change in made for document in change.write])
        each(p.public.delete, [name for change in made for name in change.delete])
