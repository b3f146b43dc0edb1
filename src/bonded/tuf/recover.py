"""Recovery: the catalogue is made to be what the public record says, every bin what the catalogue says; then it is published.

For a database that was lost or restored from an older state, and after an intruder signed with the online key. The record
is replayed one publication in one transaction, and what is replayed counts as live: so if this stops anywhere, the
publisher still refuses to publish, and doing it again goes on from there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import select, update

from bonded.db.engine import Tx
from bonded.journal.record import record
from bonded.seams import NotStored
from bonded.tuf.adopt import adopt
from bonded.tuf.base import Base, read_base
from bonded.tuf.binfile import Target
from bonded.tuf.claim import next_number
from bonded.tuf.context import Publisher
from bonded.tuf.packs import ALONG, Link, Records
from bonded.tuf.recover_issue import Before, Start, issue
from bonded.tuf.recover_live import read_live
from bonded.tuf.recover_pages import wrong_pages
from bonded.tuf.recover_survey import Step, Survey
from bonded.tuf.recover_uploads import enter
from bonded.tuf.renew import rows_of
from bonded.tuf.replay import Acts, acts_of
from bonded.tuf.replay_blobs import Blobs
from bonded.tuf.replay_rows import Replayed, agree, replay
from bonded.tuf.roles import page_path
from bonded.tuf.settle import settle_row
from bonded.tuf.tables import publication
from bonded.tuf.threads import ahead
from bonded.tuf.trust import Untrusted
from bonded.tuf.upsert import upsert
from bonded.values.states import SubjectKind
from bonded.values.who import OPERATOR

log = structlog.get_logger("bonded.recover")
Clock = Callable[[], datetime]
MANY = 200
"""Files from which on publications are replayed without looking at the next ones first."""


class NothingToReplay(Exception):
    """The store is older than the database: the publisher issues again what differs, by itself."""


@dataclass(slots=True)
class Recovered:
    """What was done. `live` is the publication that is live now, `bins` those that were not what the rows say."""

    replayed: Replayed = field(default_factory=Replayed)
    live: int = 0
    bins: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    """Compressed copies that did not hold what they are copies of, and were deleted."""
    taken: list[str] = field(default_factory=list)
    """Objects under packages/ that stand for no public file, and were deleted."""
    caches: str = ""
    """Which cache did not confirm that it has forgotten everything, "" for none."""
    kept: int = 0
    """Rows of the journal's log that earlier snapshots signed and that are here: what they signed beyond that is lost."""


def replay_record(p: Publisher, found: Survey, clock: Clock, progress: Callable[[str], None]) -> Replayed:
    """Replay every step of the survey, then take up the uploads that no row names. Call with the lock held.

    Raises Contradiction, Untrusted, the database's errors; what was replayed before stays.
    """
    done, records = Replayed(), Records(p.public)
    counts = itertools.count(1)
    with Blobs(p.vault, p.public) as blobs:
        for some in _groups(records, found.steps, ALONG if p.vault.at_once > 1 else 1):
            blobs.expect(act.target.sha256 for _, acts in some for act in acts.files if act.facts is not None)
            for link, acts in some:
                with p.db.write() as tx:
                    _replay(tx, link, acts, blobs, done, clock())
                progress(f"publication {link.n} ({next(counts)} of {len(found.steps)})")
        progress("uploads in the vault")
        enter(p.db, blobs, done, clock())
    return done


def _groups(records: Records, steps: Sequence[Step], most: int) -> Iterator[list[tuple[Link, Acts]]]:
    """The publications of `steps` in order, up to `most` small ones at a time: a large one has thousands of files."""
    some: list[tuple[Link, Acts]] = []
    for step in steps:
        link = records.link(step.n, step.sha256)
        some.append((link, acts_of(link.changes)))
        if len(some) == most or sum(len(acts.files) for _, acts in some) >= MANY:
            yield some
            some = []
    if some:
        yield some


def _replay(tx: Tx, link: Link, acts: Acts, blobs: Blobs, done: Replayed, now: datetime) -> None:
    came = replay(tx, acts, blobs, done, now)
    upsert(tx, publication, [_row(link) | {"expose": came}])
    row = tx.execute(select(publication).where(publication.c.n == link.n)).mappings().one()
    settle_row(tx, {**row}, link.changes, now=now, purges=False)
    agree(tx, acts, done, now)
    # When clients could see it, not when we replayed it: that is what the journal's readers and the sweep ask for.
    tx.execute(update(publication).where(publication.c.n == link.n).values(flipped_at=acts.at))


def _row(link: Link) -> dict[str, object]:
    """The publication as a row, as its record tells it. Its bins are adopted from the live snapshot, or issued anew."""
    changes, previous = link.changes, link.changes["previous"] or {"publication": 0, "attempt": ""}
    at = acts_of({**changes, "targets": {}, "pages": {}}).at
    return {
        "n": link.n,
        "attempt": link.attempt,
        "base_n": int(previous["publication"]),
        "base_attempt": str(previous["attempt"]),
        "kind": "replayed",
        "content": int(changes["content"]),
        **{column: [] for column in ("row_ids", "journal_ids", "expose", "bins", "pages")},
        "projects": sorted(key for key in changes["pages"] if key),
        "snapshot_sha256": "",
        "changes_sha256": link.sha256,
        "timestamp": b"",
        "journal_size": int(changes["journal"]["size"]),
        "journal_root": bytes.fromhex(changes["journal"]["root"]),
        "state": "open",
        "opened_at": at,
        "flipped_at": at,
        "settled_at": at,
    }


def go_on(p: Publisher, found: Survey, done: Recovered, now: datetime) -> None:
    """After a replay up to what is live: adopt its bins, and publish what they or pages say otherwise than the rows.

    Call with the lock held. Raises NothingToReplay, Untrusted, Burned.
    """
    base = read_base(p.public)
    if found.known[0] > base.n:
        raise NothingToReplay(
            f"the store shows publication {base.n}, the database knows {found.known[0]}: start the publisher, which issues "
            "again what differs; after a restore of both, `bonded restore --in-place`"
        )
    p.memory.base = base
    adopt(p, base, (base.n, base.attempt), now, older=False)
    done.pages = wrong_pages(p)
    done.bins = differing(p, base)
    roles = set(done.bins) | {base.trust.layout.role(page_path(key, f)) for key in done.pages for f in ("html", "json")}
    done.live = base.n
    if roles or base.journal_size > done.kept:
        # The live snapshot signs rows of the journal that are lost: the next one says what the log is now.
        done.live = issue(p, _start(p, base, now), roles, done.pages, _listed(p), now)


def _start(p: Publisher, base: Base, now: datetime) -> Start:
    n = next_number(p, base, now)
    return Start(base.tag, (base.n, base.attempt, base.changes), base.content, base.versions, base.trust, n)


def _listed(p: Publisher) -> Before:
    """What the live bins list; nothing for one that cannot be read."""
    live = read_live(p.public)

    def listed(role: str) -> Mapping[str, Target]:
        try:
            return live.targets(p.public, role)
        except Untrusted:
            return {}

    return lambda roles: ahead(listed, roles, p.public.at_once)


def differing(p: Publisher, base: Base) -> list[str]:
    """The live bins that are not what the rows say, or cannot be read."""
    live, layout = read_live(p.public), base.trust.layout

    def listed(role: str) -> Mapping[str, Target] | None:
        try:
            return live.targets(p.public, role)
        except (Untrusted, NotStored) as error:
            log.error("a bin cannot be read", bin=role, reason=str(error))
            return None

    found, roles = [], [*layout.pages.names(), *layout.files.names()]
    for role, targets in zip(roles, ahead(listed, roles, p.public.at_once), strict=True):
        with p.db.read() as conn:
            wanted = rows_of(conn, layout, [role])[role]
        if targets != wanted:
            found.append(role)
    return found


def tell(tx: Tx, found: Survey, done: Recovered, now: datetime) -> None:
    """The summary in the journal, of which administrators get mail."""
    replayed = done.replayed
    facts = {
        "from": found.shared[0],
        "to": found.good.n,
        "before": found.good.n,
        "kept": done.kept,
        "live": done.live,
        "publications": replayed.publications,
        "files": replayed.files,
        "withdrawn": replayed.withdrawn,
        "uploads": replayed.uploads,
    }
    record(tx, "publication.recover", OPERATOR, (SubjectKind.PUBLICATION, str(done.live)), now=now, facts=facts)
