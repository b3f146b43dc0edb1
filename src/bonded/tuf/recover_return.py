"""Going back to the last known good publication, after somebody else signed: every bin is issued again from the rows.

The number is above every version in the store; the record goes on from the good publication, past whatever came after it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import func, select, update

from bonded.seams import NotStored, Storage
from bonded.tuf.base import versions_of
from bonded.tuf.context import Publisher
from bonded.tuf.folded import Folded
from bonded.tuf.outcome import Burned
from bonded.tuf.packs import chain
from bonded.tuf.recover_issue import Start, issue
from bonded.tuf.recover_live import read_live
from bonded.tuf.recover_number import number_above, versions_in
from bonded.tuf.recover_offline import Standing
from bonded.tuf.recover_survey import Survey
from bonded.tuf.rekey import put_offline, release_root
from bonded.tuf.roles import TIMESTAMP, metadata_name
from bonded.tuf.tables import head, publication
from bonded.tuf.trust import Untrusted

TRIES = 5


@dataclass(frozen=True, slots=True)
class Way:
    """How to go back. `standing`: the offline roles that hold then; `new_keys`: they name new online keys."""

    found: Survey
    standing: Standing
    new_keys: bool


def go_back(p: Publisher, way: Way, pages: Collection[str], now: datetime) -> int:
    """Issue every bin, with the pages of the projects `pages` rendered anew; returns the number that is live then.

    Call with the lock held, after the replay. Raises NoNumber, Burned, SignerRefused, StorageError, Untrusted.
    """
    layout = way.standing.trust.layout
    roles = [*layout.pages.names(), *layout.files.names()]
    put_offline(p.public, way.standing)
    with Folded() as folded:
        folded.follow(chain(p.public, way.found.good))
        for attempt in range(TRIES):
            start = _start(p, way)
            _forget_adopted(p, way)
            try:
                return issue(
                    p,
                    start,
                    roles,
                    pages,
                    lambda roles: (folded.bin(layout, role) for role in roles),
                    now,
                    lambda: release_root(p, way.standing) if way.new_keys else None,
                )
            except Burned:
                if attempt == TRIES - 1:
                    raise
    raise AssertionError("unreachable")


def _start(p: Publisher, way: Way) -> Start:
    good = way.found.good
    content = _content(p, good.n)
    n = number_above(_taken(p, way), _least(p, way), new_keys=way.new_keys)
    versions = _versions(p.public, way)
    return Start(_tag(p.public), (good.n, good.attempt, good.changes), content, versions, way.standing.trust, n)


def _taken(p: Publisher, way: Way) -> list[int]:
    """Every version in the store, and the one that clients who saw it remember."""
    return [*versions_in(p.public), way.found.live, *_shown(p.public).values()]


def _least(p: Publisher, way: Way) -> int:
    """What the database and the signer ask for."""
    with p.db.read() as conn:
        next_free = conn.execute(select(func.coalesce(func.max(head.c.head), 0))).scalar_one()
        last = conn.execute(select(func.coalesce(func.max(publication.c.n), 0))).scalar_one()
    asked = [int(next_free), int(last) + 1, p.signer.highest()[0] + 1, way.found.good.n + 1]
    return max(asked)


def _versions(public: Storage, way: Way) -> dict[str, int]:
    """What the snapshot lists beside the bins. With the old keys no entry may disappear: returning clients would fail."""
    offline = {role: version for role, version in way.standing.versions.items() if role != "root"}
    if way.new_keys:
        return offline
    return {**_snapshot(public, way.found.good.n), **_shown(public), **offline}


def _shown(public: Storage) -> dict[str, int]:
    try:
        return dict(read_live(public).versions)
    except (Untrusted, NotStored):
        return {}


def _snapshot(public: Storage, n: int) -> dict[str, int]:
    try:
        return versions_of(orjson.loads(public.get(metadata_name("snapshot", n)).data)["signed"])
    except (NotStored, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _tag(public: Storage) -> str | None:
    try:
        return public.get(TIMESTAMP).tag
    except NotStored:
        return None


def _content(p: Publisher, n: int) -> int:
    with p.db.read() as conn:
        found = conn.execute(select(publication.c.content).where(publication.c.n == n)).scalar_one_or_none()
    return int(found or n)


def _forget_adopted(p: Publisher, way: Way) -> None:
    """What the database adopted after the good publication without having made it is not live any more."""
    c = publication.c
    with p.db.write() as tx:
        adopted = (c.n > way.found.good.n) & (c.kind == "adopted") & (c.state == "live")
        tx.execute(update(publication).where(adopted).values(state="burned"))
