"""`bonded tuf recover`: the steps of a recovery in their order, each safe to repeat.

Nobody else publishes meanwhile: the publisher's lock is held until what is live is right again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from bonded.catalog.tables import project, role
from bonded.db.engine import Database
from bonded.journal.record import record
from bonded.journal.seal import current
from bonded.ops.look_journal import losses
from bonded.ops.restore import PUBLISHER_RUNS, Restored, put_files, take_broken_pages
from bonded.seams import Storage
from bonded.tuf.context import Publisher
from bonded.tuf.generations import forget
from bonded.tuf.offline import Step
from bonded.tuf.outcome import Result
from bonded.tuf.plain import copy_all
from bonded.tuf.publish import publish
from bonded.tuf.put_back import damaged_roots
from bonded.tuf.recover import Recovered, go_on, replay_record, tell
from bonded.tuf.recover_caches import empty, empty_later
from bonded.tuf.recover_copies import remove_wrong_copies
from bonded.tuf.recover_offline import Standing, standing
from bonded.tuf.recover_return import Way, go_back
from bonded.tuf.recover_strays import remove_strays, retire
from bonded.tuf.recover_survey import Survey
from bonded.tuf.rekey import check_replaced
from bonded.tuf.steps_rows import running, void
from bonded.tuf.tables import page, publication
from bonded.values.refusals import Refusal
from bonded.values.states import SubjectKind
from bonded.values.who import OPERATOR

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What is to be done. `root`: the root that users are given; `new`: offline metadata with new online keys, or None."""

    found: Survey
    root: bytes
    new: Step | None

    @property
    def returns(self) -> bool:
        """Whether bins are issued anew from the last known good publication, whatever is live."""
        return self.new is not None or self.found.returns


def recover(p: Publisher, what: Recovery, clock: Clock, progress: Callable[[str], None]) -> Recovered:
    """Replay, issue, publish, clean. If it stops anywhere, the same command goes on.

    Raises Refusal (publisher-runs), Untrusted, Contradiction, BadBundle, NoNumber, NothingToReplay, Burned, StorageError.
    """
    done = Recovered()
    with p.lock.held() as mine:
        if not mine:
            raise Refusal(PUBLISHER_RUNS, "another process publishes here: stop the server first")
        check_roots(p.public, what.root, what.new)
        way = _way(p, what)
        with p.db.read() as conn:
            done.kept = _kept(conn, what.found)
        done.replayed = replay_record(p, what.found, clock, progress)
        if what.returns:
            _back(p, what, way, done, clock, progress)
        else:
            progress("comparing every bin with the rows")
            go_on(p, what.found, done, clock())
        progress("objects that something newer took the place of")
        retire(p, clock())
        with p.db.write() as tx:
            tell(tx, what.found, done, clock())
    progress("publishing what waits")
    _publish(p, done, clock)
    progress("plain copies")
    copy_all(p, clock())
    progress("caches")
    _caches(p, done, clock())
    return done


def _kept(conn: Connection, found: Survey) -> int:
    """How many rows of the log are those that publications signed: up to the last one that this database made before what it lost.

    Not how many it has. A server that ran on the restored database sealed rows of its own, and so did a recovery that stopped
    before it told of the loss, whose replayed publications are here already.
    """
    told = max((loss.before for loss in losses(conn)), default=0)
    replayed = select(func.min(publication.c.n)).where(publication.c.kind == "replayed", publication.c.n > told)
    first = min(
        (n for n in (conn.execute(replayed).scalar_one(), *(step.n for step in found.steps)) if n is not None),
        default=None,
    )
    size = current(conn)[0]
    if first is None:
        return size
    last = select(publication.c.journal_size).where(publication.c.n < first, publication.c.state == "live")
    shared = conn.execute(last.order_by(publication.c.n.desc()).limit(1)).scalar_one_or_none()
    return min(size, shared or 0)


def check_roots(public: Storage, trusted: bytes, new: Step | None) -> None:
    """Raise OfflineDamaged for a root that clients could not pass afterwards. What lies in the way of a new one is replaced."""
    replaced = new.versions()["root"] if new is not None else None
    for one in damaged_roots(public, trusted):
        if replaced is None or one.problem.version < replaced:
            raise one.problem


def _caches(p: Publisher, done: Recovered, now: datetime) -> None:
    """Last, so that what a cache fetched meanwhile goes, too; again by a job, until every cache has shown that it did."""
    done.caches = empty(p)
    with p.db.write() as tx:
        empty_later(tx, p, done.live, [*done.taken, *done.strays, *done.copies], now)


def _way(p: Publisher, what: Recovery) -> Way:
    """The offline roles that hold afterwards, checked before anything is changed."""
    after = standing(p.public, what.root, what.new)
    if what.new is not None:
        check_replaced(_before(p, what), after, p.signer.keys())
    return Way(what.found, after, what.new is not None)


def _before(p: Publisher, what: Recovery) -> Standing:
    """What held before: also when the new root was put by an attempt that stopped before the flip."""
    assert what.new is not None
    return standing(p.public, what.root, before=what.new)


def _back(
    p: Publisher, what: Recovery, way: Way, done: Recovered, clock: Clock, progress: Callable[[str], None]
) -> None:
    progress("files")
    put = Restored()
    put_files(p, put)
    done.taken = put.taken
    progress("pages")
    broken = take_broken_pages(p)
    if "" in broken:
        with p.db.write() as tx:
            tx.execute(delete(page).where(page.c.project_key == ""))  # the list is due when it was never written
    done.pages = [key for key in broken if key]
    progress("signing every bin")
    done.live = go_back(p, way, done.pages, clock())
    empty(p)
    layout = way.standing.trust.layout
    with p.db.write() as tx:
        forget(tx, layout)
        if way.new_keys:
            if (change := running(tx)) is not None:
                void(tx, layout, change, "keys were replaced after a compromise", clock())
            facts = {"root": way.standing.versions["root"], "publication": done.live}
            record(tx, "keys.replace", OPERATOR, (SubjectKind.INDEX, ""), now=clock(), facts=facts)
    progress("objects that nobody stands for")
    done.strays = remove_strays(p, way.standing, what.found.good.n, done.live)
    progress("compressed copies")
    done.copies = remove_wrong_copies(p.public)


def _publish(p: Publisher, done: Recovered, clock: Clock) -> None:
    """Publish what waited, until nothing does."""
    while True:
        outcome = publish(p, clock())
        if outcome.result is Result.PUBLISHED:
            done.live = outcome.n
        elif outcome.result is not Result.BURNED:
            return


def ownerless(db: Database) -> list[str]:
    """Projects that have no owner: the public record does not know people."""
    owned = select(func.count()).where(role.c.project_id == project.c.id, role.c.role == "owner").scalar_subquery()
    with db.read() as conn:
        query = select(project.c.key).where(owned == 0, ~project.c.deleted).order_by(project.c.key)
        return list(conn.execute(query).scalars())
