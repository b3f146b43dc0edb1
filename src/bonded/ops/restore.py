"""`bonded restore`: make the public store what a restored database and vault stand for, under numbers above all others.

Numbers come from the clock (tenths of a second since 1970), which is above any number given out before, whatever was
lost; every bin is issued anew, so returning clients see versions rise. Until this has ended nobody may read the store:
the caller opens it afterwards. If we stop anywhere, doing it again is right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import structlog
from sqlalchemy import delete, func, insert, select, update

from bonded.catalog.read import FILES
from bonded.catalog.tables import file, project
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.journal.tables import to_publish
from bonded.ops.look_vault import digest
from bonded.seams import NotStored, Storage
from bonded.tuf.claim import claim
from bonded.tuf.context import Publisher
from bonded.tuf.draft import BadProject
from bonded.tuf.outcome import Result
from bonded.tuf.plain import copy_all
from bonded.tuf.plan import Exposure
from bonded.tuf.publish import publish
from bonded.tuf.put import expose, objects_of
from bonded.tuf.recover_caches import empty_later
from bonded.tuf.roles import file_path, hashed, page_path
from bonded.tuf.tables import bin_table, head, page
from bonded.tuf.threads import ahead, few_large
from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState, ProjectStatus, SubjectKind
from bonded.values.who import OPERATOR

PUBLISHER_RUNS = define(
    "publisher-runs",
    409,
    "The index is running",
    "A restore needs the store for itself: stop the server, the publisher and the refresher first, on every machine.",
)
CANNOT = define(
    "cannot-restore-here",
    409,
    "The backup cannot be restored this way",
    "A backup is restored into one folder, with a SQLite database and folders for vault and public store in it, and with the online "
    "key. Elsewhere restore each part with its own tools, then run `bonded restore --in-place`.",
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AT_ONCE = 2048
"""Bins issued by one publication: their targets are in memory meanwhile."""

log = structlog.get_logger("bonded.restore")


@dataclass(slots=True)
class Restored:
    """What was done: the live publication, files and plain copies put, pages rendered again, files without bytes."""

    live: int = 0
    files: int = 0
    withdrawn: int = 0
    pages: int = 0
    plain: int = 0
    missing: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    """Objects under packages/ that stand for no public file and were deleted."""
    ceremonies: list[str] = field(default_factory=list)
    """Bundles of ceremonies that were held after the backup was made; the caller, who knows the directory, looks for them."""


def reissue(p: Publisher, clock: Callable[[], datetime], *, progress: Callable[[str], None]) -> Restored:
    """Put files, issue every bin, flip, write plain copies, have caches emptied by a job. Raises Refusal (publisher-runs), Behind, Untrusted."""
    done = Restored()
    take_up(p, clock())
    progress("files")
    put_files(p, done)
    progress("pages")
    _pages(p, done, clock())
    _everything_due(p, clock())
    progress("signing every bin")
    done.live = _publish_all(replace(p, settings=replace(p.settings, refresh_slice=AT_ONCE)), clock)
    progress("plain copies")
    done.plain = copy_all(p, clock())
    with p.db.write() as tx:
        empty_later(tx, p, done.live, done.taken, clock())
    return done


def take_up(p: Publisher, now: datetime) -> None:
    """Have the database know what is live and every bin, or refuse, with the store as it was.

    Raises Refusal (publisher-runs), Behind (the store is newer than the database), Untrusted, WrongClock.
    """
    with p.lock.held() as mine:
        if not mine:
            raise Refusal(PUBLISHER_RUNS, "another process publishes here: stop the server first")
        claim(p, now)


def number_from(now: datetime) -> int:
    """The number that a restore begins from: tenths of a second since 1970. Pure."""
    return int(now.timestamp() * 10)


def put_files(p: Publisher, done: Restored) -> None:
    """Put every file that may be served back from the vault, and take away whatever else is under packages/."""
    with p.db.read() as conn:
        rows = conn.execute(
            select(project.c.key, file.c.filename, file.c.id, file.c.vault_key, file.c.sha256, file.c.size)
            .add_columns(file.c.metadata_sha256)
            .select_from(FILES)
            .where(file.c.state == FileState.PUBLIC, project.c.status != ProjectStatus.QUARANTINED, ~project.c.deleted)
        ).all()

    def one(exposure: Exposure) -> str:
        try:
            expose(p, exposure)
        except BadProject as error:
            return str(error)
        return ""

    exposures = [Exposure(file_path(key, filename), *facts) for key, filename, *facts in rows]
    allowed = {name for exposure in exposures for name in objects_of(exposure)}
    told = ahead(few_large(one, lambda exposure: exposure.size), exposures, p.public.at_once)
    for exposure, reason in zip(exposures, told, strict=True):
        if reason:
            log.error("no bytes in the vault", file=exposure.path, reason=reason)
            done.missing.append(exposure.path)
        else:
            done.files += 1
    for name in [entry.name for entry in p.public.entries("packages/")]:
        if name not in allowed:
            p.public.delete(name)
            done.withdrawn += 1
            done.taken.append(name)
    p.public.barrier()


def _pages(p: Publisher, done: Restored, now: datetime) -> None:
    """Have every page whose object is missing or damaged rendered again, by an event of its project."""
    broken = take_broken_pages(p)
    with p.db.write() as tx:
        for key in broken:
            _render_again(tx, key, now)
    done.pages = len(broken)


def take_broken_pages(p: Publisher) -> list[str]:
    """Projects ("": the list) whose page objects are missing or damaged; what is left of those objects is deleted."""
    with p.db.read() as conn:
        rows = conn.execute(select(page.c.project_key, page.c.html_sha256, page.c.json_sha256)).all()
    shown = [row for row in rows if row.html_sha256]
    whole = ahead(lambda row: _whole(p.public, *row), shown, p.public.at_once)
    broken = [row for row, right in zip(shown, whole, strict=True) if not right]
    for key, html, json in broken:
        for form, sha256 in (("html", html), ("json", json)):
            p.public.delete(hashed(page_path(key, form), sha256))
    return [key for key, _, _ in broken]


def _whole(public: Storage, key: str, html: str, json: str) -> bool:
    try:
        found = [digest(public, hashed(page_path(key, form), s))[1] for form, s in (("html", html), ("json", json))]
    except NotStored:
        return False
    return found == [html, json]


def _render_again(tx: Tx, key: str, now: datetime) -> None:
    if not key:
        tx.execute(delete(page).where(page.c.project_key == ""))  # the list is due when it was never written
        return
    project_id = tx.execute(select(project.c.id).where(project.c.key == key)).scalar_one()
    subject = (SubjectKind.PROJECT, str(project_id))
    record(tx, "project.render", OPERATOR, subject, now=now, project=key, facts={"why": "its page was lost"})


def _everything_due(p: Publisher, now: datetime) -> None:
    """Make every bin due, and the next number one from the clock. Events that were parked are tried again."""
    number = number_from(now)
    with p.db.write() as tx:
        tx.execute(update(bin_table).values(expires=EPOCH))
        tx.execute(update(to_publish).values(parked=0, failures=0))
        if tx.execute(select(head.c.head)).scalar_one_or_none() is None:
            tx.execute(insert(head).values(id=1, head=number))
        else:
            tx.execute(update(head).where(head.c.head < number).values(head=number))


def _publish_all(p: Publisher, clock: Callable[[], datetime]) -> int:
    """Publish until no bin and no event waits. The first publication already is complete and above all before."""
    live = 0
    while True:
        outcome = publish(p, clock())
        if outcome.result is Result.BUSY:
            raise Refusal(PUBLISHER_RUNS, "another process publishes here: stop the server first")
        live = outcome.n or live
        with p.db.read() as conn:
            due = conn.execute(select(func.count()).where(bin_table.c.expires == EPOCH)).scalar_one()
        if outcome.result is Result.NOTHING or (outcome.result is Result.PUBLISHED and not due and not outcome.events):
            return live
