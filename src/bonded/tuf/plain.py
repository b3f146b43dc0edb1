"""Plain copies for pip and uv: a job copies the live, signed page of a project to its plain name.

Copies of one project are written one after the other, under the project row's lock, from the page that is live then; so
an older page never overwrites a newer one, however late a job runs. A job takes others that wait along: one barrier for
all of them. Jobs carry keys, not pages, so they may run twice, late or merged.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import zstandard
from sqlalchemy import delete, select, update

from bonded.catalog.tables import project
from bonded.db.engine import Tx
from bonded.db.jobs import Job
from bonded.db.jobs import job as jobs
from bonded.db.worker import Effects
from bonded.seams import NotStored, Storage
from bonded.tuf.context import Publisher
from bonded.tuf.documents import documents_to_write
from bonded.tuf.roles import hashed, page_path
from bonded.tuf.tables import page
from bonded.tuf.threads import several

QUEUE = "plain"
FORMS = ("html", "json")
COPIES = (".gz", ".zst")
GZIP = 6
ZSTD = 3
TOGETHER = 16
"""Projects whose copies are written under one lock: on SQLite every other writer waits meanwhile."""
AT_MOST = 512
"""Projects that one job takes along."""


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

    Raises NotCopied, or the store's or purger's error; the job comes back for ever, at least once a minute. If we stop
    anywhere, a plain copy is as old as before or as new as now; the job runs again.
    """
    key = str(job.payload["project"])
    done = _copy(p, [key], wait=True)
    others = _pending(p, key, now)
    for start in range(0, len(others), TOGETHER):
        done += _copy(p, others[start : start + TOGETHER], wait=False)  # but those that others are at work on
    p.public.barrier()
    keys = sorted({key, *(live.key for live in done)})
    p.purger.purge(purge_of(keys))
    return lambda tx: _mark(tx, done)


def copy_all(p: Publisher) -> int:
    """Write every plain copy anew, whatever it is said to show: after a restore. Returns how many projects."""
    with p.db.read() as conn:
        keys = list(conn.execute(select(page.c.project_key).order_by(page.c.project_key)).scalars())
    done: list[Live] = []
    for start in range(0, len(keys), TOGETHER):
        done += _copy(p, keys[start : start + TOGETHER], wait=True)
    p.public.barrier()
    with p.db.write() as tx:
        _mark(tx, done)
    return len(done)


def purge_of(keys: Iterable[str]) -> list[str]:
    """Surrogate keys of the plain copies of projects; that of the project list is `project/`."""
    return [f"project/{key}" for key in keys]


def _copy(p: Publisher, keys: list[str], *, wait: bool) -> list[Live]:
    """Write the copies of these projects under their rows' locks; without `wait`, only of those that nobody has locked."""
    with p.db.write() as tx:
        pages = _lock(tx, keys, wait=wait)
        shown = [live for live in pages.values() if live is not None and live.html]
        for key in pages.keys() - {live.key for live in shown}:
            _withdraw(p, key)
        copies = [copy for live in shown for copy in _copies(p.public, live)]
        copies += documents_to_write(p, tx, {key: None for key in pages if key} | {s.key: s.n for s in shown if s.key})
        with several(p.settings.writers) as each:
            each(lambda copy: p.public.put(*copy), copies)
        for live in shown:
            _read_back(p.public, live)
        return [live for live in pages.values() if live is not None]


def _lock(tx: Tx, keys: list[str], *, wait: bool) -> dict[str, Live | None]:
    """Lock the projects (the list: its page row), then read which page is live. None: no page (withdrawn)."""
    locked = {""} if "" in keys else set()
    if names := sorted(k for k in keys if k):
        rows = select(project.c.key).where(project.c.key.in_(names)).order_by(project.c.key)
        locked |= set(tx.execute(rows.with_for_update(key_share=True, skip_locked=not wait)).scalars())
    wanted = select(page).where(page.c.project_key.in_(locked))
    if locked == {""}:
        wanted = wanted.with_for_update()
    live = {r.project_key: Live(r.project_key, r.n, r.html_sha256, r.json_sha256) for r in tx.execute(wanted)}
    return {key: live.get(key) for key in sorted(locked)}


def _copies(public: Storage, live: Live) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the plain copies of one project. Whichever a reader gets first, it is a page that was signed."""
    for form, sha256 in _forms(live):
        path = page_path(live.key, form)
        source = hashed(path, sha256)
        data = public.get(source).data
        yield f"{path}.gz", gzip.compress(data, GZIP, mtime=0)
        yield f"{path}.zst", _zst(public, source, data)
        yield path, data


def _read_back(public: Storage, live: Live) -> None:
    for form, sha256 in _forms(live):
        path = page_path(live.key, form)
        if hashlib.sha256(public.get(path).data).hexdigest() != sha256:
            raise NotCopied(f"{path} does not read back as the live page")


def _forms(live: Live) -> tuple[tuple[str, str], ...]:
    return ("html", live.html), ("json", live.json)


def _zst(public: Storage, source: str, data: bytes) -> bytes:
    """The copy that the publication made, if it is there."""
    try:
        return public.get(f"{source}.zst").data
    except NotStored:
        return zstandard.ZstdCompressor(level=ZSTD).compress(data)


def _withdraw(p: Publisher, key: str) -> None:
    for form in FORMS:
        for copy in ("", *COPIES):
            p.public.delete(page_path(key, form) + copy)


def _pending(p: Publisher, but: str, now: datetime) -> list[str]:
    """Projects whose copies wait, too: they are written by this job, and theirs go."""
    c = jobs.c
    with p.db.read() as conn:
        rows = conn.execute(
            select(c.key).where(c.queue == QUEUE, c.state == "pending", c.due <= now).order_by(c.due).limit(AT_MOST)
        )
        return [key for key in (row.removeprefix(f"{QUEUE}:") for row in rows.scalars()) if key != but]


def _mark(tx: Tx, done: list[Live]) -> None:
    """Note what the copies show, and drop the pending jobs of pages that have not changed since.

    A settle that changes a page meanwhile queues its job in the same transaction; its page row tells us to leave it.
    """
    copied = {live.key: live.n for live in done}
    if not copied:
        return
    rows: Any = select(page.c.project_key, page.c.n).where(page.c.project_key.in_(copied)).order_by(page.c.project_key)
    same = [key for key, n in tx.execute(rows.with_for_update()) if copied[key] == n]
    tx.execute(update(page).where(page.c.project_key.in_(same)).values(plain_n=page.c.n))
    pending = jobs.c.key.in_([f"plain:{key}" for key in same]) & (jobs.c.state == "pending")
    tx.execute(delete(jobs).where(pending))
