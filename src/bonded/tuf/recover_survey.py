"""Looking before recovering: from where to where the record would be replayed, and what that would change. Reads only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from bonded.db.engine import Database
from bonded.seams import NotStored, Storage
from bonded.tuf.live import Name, live
from bonded.tuf.packs import chain
from bonded.tuf.recover_anchor import Good, known_good, live_good
from bonded.tuf.recover_live import read_live
from bonded.tuf.replay import acts_of
from bonded.tuf.tables import publication
from bonded.tuf.trust import Untrusted


@dataclass(frozen=True, slots=True)
class Step:
    """One publication to replay: its number and the sha256 of its record."""

    n: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is to do.

    `live` is what the store shows (0: nothing that clients accept, and `trouble` says why); `known` what the database
    holds for live; `shared` the newest publication of the record that the database has; `steps` are replayed on top of
    it, oldest first, up to `good`. `own_later`: publications after `good` that this database made itself.
    """

    good: Good
    live: int
    trouble: str
    known: Name
    shared: Name
    steps: tuple[Step, ...]
    own_later: tuple[int, ...]
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def returns(self) -> bool:
        """Whether the store goes back to an older publication: what came after it is not believed."""
        return self.live != self.good.n


def survey(db: Database, public: Storage, to: int | None, digest: str = "") -> Survey:
    """Follow the record from the good publication back to one that the database has.

    Raises Untrusted, Contradiction (a record that must not be replayed: give an earlier `to`), LookupError.
    """
    shown, trouble = _shown(public)
    with db.read() as conn:
        good = live_good(public) if to is None else known_good(public, to, conn, digest)
        steps, shared, counts = _walk(conn, public, good)
        return Survey(good, shown, trouble, live(conn), shared, steps, _own_later(conn, good.n), counts)


def _shown(public: Storage) -> tuple[int, str]:
    try:
        return read_live(public).n, ""
    except (Untrusted, NotStored) as error:
        return 0, str(error)


def _walk(conn: Connection, public: Storage, good: Good) -> tuple[tuple[Step, ...], Name, dict[str, int]]:
    steps: list[Step] = []
    counts = Counter[str]()
    for link in chain(public, good):
        if _has(conn, link.n, link.attempt):
            return tuple(steps[::-1]), (link.n, link.attempt), dict(counts)
        _count(counts, link.changes)
        steps.append(Step(link.n, link.sha256))
    return tuple(steps[::-1]), (0, ""), dict(counts)


def _has(conn: Connection, n: int, attempt: str) -> bool:
    c = publication.c
    return conn.execute(select(c.n).where(c.n == n, c.attempt == attempt, c.state == "live")).first() is not None


def _count(counts: Counter[str], changes: dict[str, Any]) -> None:
    acts = acts_of(changes)
    counts["files made public"] += sum(act.facts is not None for act in acts.files)
    counts["files withdrawn or removed"] += sum(act.facts is None for act in acts.files)
    counts["changes of projects"] += len(acts.projects)


def _own_later(conn: Connection, n: int) -> tuple[int, ...]:
    c = publication.c
    query = select(c.n).where(c.n > n, c.state == "live", c.kind.in_(("publish", "recover"))).order_by(c.n)
    return tuple(conn.execute(query).scalars())
