"""Status of service, for everybody: what works, in words, without what only operators need."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from pyramid.response import Response

from bonded.db.engine import Database
from bonded.tuf.status import Status, status
from bonded.web.request import Request

FRESH = timedelta(seconds=10)
SLOW = timedelta(minutes=5)
"""Work that waits longer than this is told as slow."""

_turn = threading.Lock()
_known: WeakKeyDictionary[Database, tuple[datetime, Status]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the service: `name` and `state` (ok, slow, away) are words of the template."""

    name: str
    state: str
    since: datetime | None = None


def show(request: Request) -> Response:
    """The page; it is shown also while the database is away."""
    found = current(request)
    parts = parts_of(found, request.now)
    worst = max((("ok", "slow", "away").index(part.state) for part in parts), default=0)
    return request.page("public/status.html", parts=parts, worst=("ok", "slow", "away")[worst], signing=found)


def current(request: Request) -> Status:
    """The state, at most FRESH old: finding it reads the store."""
    now = request.now
    with _turn:
        at, found = _known.get(request.db, (None, None))
        if at is None or found is None or not timedelta(0) <= now - at < FRESH:
            found = status(request.db, request.house.public, now)
            _known[request.db] = now, found
    return found


def parts_of(found: Status, now: datetime) -> list[Part]:
    """Each part with its state. Pure."""
    faults = {fault.kind for fault in found.faults}
    database = "away" if "database-away" in faults else "ok"
    store = "away" if "store-unreadable" in faults else "ok"
    screening = found.queue("screen")
    return [
        Part("install", store),
        Part("upload", database),
        Part("screen", _pace(database, screening.oldest_due, now), screening.oldest_due),
        Part("publish", _pace(database, found.oldest_row, now), found.oldest_row),
        Part("sign", _signing(found, store, now), found.signed_at),
    ]


def _pace(database: str, oldest: datetime | None, now: datetime) -> str:
    if database == "away":
        return "away"
    return "slow" if oldest is not None and now - oldest > SLOW else "ok"


def _signing(found: Status, store: str, now: datetime) -> str:
    """Clients refuse metadata that have run out: from then on signing does not work for them."""
    timestamp = next((role for role in found.roles if role.name == "timestamp"), None)
    if store == "away" or timestamp is None or timestamp.left(now) <= timedelta(0):
        return "away"
    return "slow" if timestamp.left(now) < found.lifetime / 4 else "ok"
