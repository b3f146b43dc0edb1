"""Plain copies for pip and uv: a job copies the live, signed page of a project to its plain name.

Copies of one project are written one after the other, under the project row's lock, from the page that is live then; so
an older page never overwrites a newer one, however late a job runs. A job takes others that wait along: one barrier for
all of them. Jobs carry keys, not pages, so they may run twice, late or merged.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BindParameter, Connection, bindparam, delete, select, update

from bonded.catalog.tables import project
from bonded.db.engine import Tx
from bonded.db.jobs import Job, enqueue_all
from bonded.db.jobs import job as jobs
from bonded.db.worker import Effects
from bonded.seams import NotStored, Storage
from bonded.tuf import purge
from bonded.tuf.context import Publisher
from bonded.tuf.documents import delete_documents
from bonded.tuf.packing import WORTH, gz, zst
from bonded.tuf.roles import hashed, page_path
from bonded.tuf.tables import page
from bonded.tuf.threads import Each, in_order, several

QUEUE = "plain"
DOCUMENTS = "documents"
"""Queue of the jobs that follow (`document_jobs`)."""
FORMS = ("html", "json")
COPIES = (".gz", ".zst")
TOGETHER = 64
"""Most projects whose copies are written under one lock."""
LOCKED = 0.005
"""Seconds after which a lock is let go, with one project done at least: who changes one of them (PostgreSQL), or copies others
(SQLite), waits meanwhile."""
AT_MOST = 512
"""Projects that one job takes along."""

# Built once: building a statement costs several times what running it does.
_KEYS: BindParameter[list[str]] = bindparam("keys", expanding=True)
_PROJECTS = select(project.c.key).where(project.c.key.in_(_KEYS)).order_by(project.c.key)
_LOCKS = {wait: _PROJECTS.with_for_update(key_share=True, skip_locked=not wait) for wait in (True, False)}
_PAGES = select(page).where(page.c.project_key.in_(_KEYS))
_LOCKED_PAGES = _PAGES.with_for_update()
_WAITING = (
    select(jobs.c.key)
    .where(jobs.c.queue == bindparam("queue"), jobs.c.state == "pending", jobs.c.due <= bindparam("now"))
    .order_by(jobs.c.due)
    .limit(AT_MOST)
)
_SHOWN = update(page).where(page.c.project_key.in_(_KEYS)).values(plain_n=page.c.n)
_NUMBERS = (
    select(page.c.project_key, page.c.n)
    .where(page.c.project_key.in_(_KEYS))
    .order_by(page.c.project_key)
    .with_for_update()
)
_DROP = delete(jobs).where(jobs.c.key.in_(_KEYS), jobs.c.state == "pending")


class NotCopied(Exception):
    """What was read back is not what was written: the job comes back."""


@dataclass(frozen=True, slots=True)
class Live:
    """The live page of a project: its publication and the digests of its two forms, "" where the page was withdrawn.

    `key` "" is the project list.
    """

    key: str
    n: int
    html: str
    json: str


def handle(p: Publisher, job: Job, now: datetime) -> Effects | None:
    """Bring the plain copies of the payload's project up to the live page, and others that wait with it.

    Caches are purged by a job that follows, so that no copy waits for them. Raises NotCopied or the store's error; the job
    comes back for ever, at least once a minute. If we stop anywhere, a plain copy is as old as before or as new as now; the
    job runs again.
    """
    key = str(job.payload["project"])
    done = _copy(p, [key], wait=True)
    done += _copy(p, others_waiting(p, QUEUE, key, now), wait=False)  # but those that others are at work on
    p.public.barrier()
    keys = purge_of(sorted({key, *(live.key for live in done)}))

    def effects(tx: Tx) -> None:
        _mark(tx, done, now)
        purge.later(tx, p.purger, f"{QUEUE}:{job.id}:{job.attempt}", keys, now=now)

    return effects


def copy_all(p: Publisher, now: datetime) -> int:
    """Write every plain copy anew, whatever it is said to show: after a restore. Returns how many projects."""
    with p.db.read() as conn:
        keys = list(conn.execute(select(page.c.project_key).order_by(page.c.project_key)).scalars())
    done = _copy(p, keys, wait=True)
    p.public.barrier()
    with p.db.write() as tx:
        _mark(tx, done, now)
    return len(done)


def purge_of(keys: Iterable[str]) -> list[str]:
    """Surrogate keys of the plain copies of projects; that of the project list is `project/`."""
    return [f"project/{key}" for key in keys]


def _copy(p: Publisher, keys: Sequence[str], *, wait: bool) -> list[Live]:
    """Write the copies of these projects under their rows' locks; without `wait`, only of those that nobody has locked."""
    done: list[Live] = []
    with several(1, p.public.at_once) as each:
        for start in range(0, len(keys), TOGETHER):
            left = keys[start : start + TOGETHER]
            ready = _compressed(p, left, each)
            while left:
                with p.db.holding() as tx:
                    pages = lock_pages(tx, left, wait=wait)
                    left = _copy_some(p, pages, ready, each)
                done += [live for key, live in pages.items() if live is not None and key not in left]
    return done


def _compressed(p: Publisher, keys: Sequence[str], each: Each) -> dict[str, bytes]:
    """The gzip form of large live pages by the digest of the page: made before anything is locked, for it takes long."""
    with p.db.read() as conn:
        pages = [live for live in live_pages(conn, keys).values() if live is not None and live.html]
    ready: dict[str, bytes] = {}

    def one(page: tuple[str, str]) -> None:
        source, sha256 = page
        with suppress(NotStored):  # newer pages took its place long ago
            if p.public.size(source) >= WORTH:
                ready[sha256] = gz(p.public.read(source))

    each(one, [(hashed(page_path(live.key, form), sha256), sha256) for live in pages for form, sha256 in _forms(live)])
    return ready


def _copy_some(
    p: Publisher, pages: Mapping[str, Live | None], ready: Mapping[str, bytes], each: Each = in_order
) -> list[str]:
    """Write the copies of locked projects as long as they may be locked; returns those that are left."""

    def one(key: str) -> None:
        live = pages[key]
        if live is None or not live.html:
            _withdraw(p, key)
        else:
            _show(p.public, live, ready)
            _read_back(p.public, live)

    left, until = list(pages), time.monotonic() + LOCKED
    while left:
        some, left = left[: p.public.at_once], left[p.public.at_once :]
        each(one, some)
        if time.monotonic() > until:
            break
    return left


def lock_pages(tx: Tx, keys: Sequence[str], *, wait: bool) -> dict[str, Live | None]:
    """Lock the projects (the list: its page row), then read which page is live. None: no page (withdrawn)."""
    locked = {""} if "" in keys else set()
    if names := sorted(k for k in keys if k):
        locked |= set(tx.execute(_LOCKS[wait], {"keys": names}).scalars())
    return live_pages(tx, locked, lock=locked == {""})


def live_pages(conn: Connection, keys: Collection[str], *, lock: bool = False) -> dict[str, Live | None]:
    """Which page of each project is live now; with `lock`, these rows stay as they are. None: no page (withdrawn)."""
    rows = conn.execute(_LOCKED_PAGES if lock else _PAGES, {"keys": list(keys)})
    live = {r.project_key: Live(r.project_key, r.n, r.html_sha256, r.json_sha256) for r in rows}
    return {key: live.get(key) for key in sorted(keys)}


def _show(public: Storage, live: Live, ready: Mapping[str, bytes]) -> None:
    """Write the plain copies of one project; `ready` are gzip forms. Whichever a reader gets first, it is a page that was signed."""
    for form, sha256 in _forms(live):
        path = page_path(live.key, form)
        source = hashed(path, sha256)
        if public.size(source) < WORTH:
            for copy in COPIES:
                public.delete(path + copy)
        else:
            public.put(f"{path}.gz", ready.get(sha256) or gz(public.read(source)))
            _show_zst(public, source, path)
        public.put_copy(source, path)


def _show_zst(public: Storage, source: str, path: str) -> None:
    """The copy that the publication made, if it is there."""
    try:
        public.put_copy(f"{source}.zst", f"{path}.zst")
    except NotStored:
        public.put(f"{path}.zst", zst(public.read(source)))


def _read_back(public: Storage, live: Live) -> None:
    for form, sha256 in _forms(live):
        path = page_path(live.key, form)
        if hashlib.sha256(public.read(path)).hexdigest() != sha256:
            raise NotCopied(f"{path} does not read back as the live page")


def _forms(live: Live) -> tuple[tuple[str, str], ...]:
    return ("html", live.html), ("json", live.json)


def _withdraw(p: Publisher, key: str) -> None:
    for form in FORMS:
        for copy in ("", *COPIES):
            p.public.delete(page_path(key, form) + copy)
    if key:
        delete_documents(p.public, key)


def others_waiting(p: Publisher, queue: str, but: str, now: datetime) -> list[str]:
    """Projects whose jobs in `queue` wait, too: they are done by the job of the project `but`, and theirs go."""
    with p.db.read() as conn:
        rows = conn.execute(_WAITING, {"queue": queue, "now": now})
        return [key for key in (row.removeprefix(f"{queue}:") for row in rows.scalars()) if key != but]


def _mark(tx: Tx, done: list[Live], now: datetime) -> None:
    """Note what the copies show, have the documents follow, and drop the pending jobs of pages that have not changed since."""
    same = drop_jobs(tx, QUEUE, {live.key: live.n for live in done})
    tx.execute(_SHOWN, {"keys": same})
    documents = [(f"{DOCUMENTS}:{live.key}", {"project": live.key}) for live in done if live.key]
    enqueue_all(tx, DOCUMENTS, documents, now=now)


def drop_jobs(tx: Tx, queue: str, done: Mapping[str, int]) -> list[str]:
    """Drop the pending jobs in `queue` of projects whose live page is still that of the publication `done`; their keys.

    A settle that changes a page meanwhile queues its job in the same transaction; its page row tells us to leave it.
    """
    if not done:
        return []
    same = [key for key, n in tx.execute(_NUMBERS, {"keys": list(done)}) if done[key] == n]
    tx.execute(_DROP, {"keys": [f"{queue}:{key}" for key in same]})
    return same
