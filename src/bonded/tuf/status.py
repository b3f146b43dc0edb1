"""The state of signing in one value: what is live, what expires when, what waits, what alarms.

Behind `bonded tuf status`, the console, /metrics, /readyz and the alarms by mail. Reads the store for what is live and
the database for what waits; either may be away, and then the rest is still told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from bonded.db.engine import Database
from bonded.seams import Storage, StorageError
from bonded.tuf import status_rows, status_store
from bonded.tuf.alarms import alarms
from bonded.tuf.status_model import BinsStatus, Flip, QueueStatus, RoleStatus, Status
from bonded.tuf.status_store import fingerprint
from bonded.tuf.trust import Untrusted
from bonded.values.alarms import Alarm

__all__ = ["BinsStatus", "Flip", "QueueStatus", "RoleStatus", "Status", "fingerprint", "status"]


def status(db: Database, public: Storage, now: datetime, *, flips: int = 20, faults: Sequence[Alarm] = ()) -> Status:
    """The state as of `now`, with the newest `flips` publications. `faults`: what is known to be wrong with this host."""
    found = Status(faults=list(faults))
    try:
        status_store.fill(public, found)
    except (StorageError, Untrusted, OSError, KeyError, TypeError, ValueError) as error:
        found.faults.append(Alarm("store-unreadable", "store-unreadable", 1, {"detail": _told(error)}))
    try:
        with db.read() as conn:
            status_rows.fill(conn, found, now, flips)
    except SQLAlchemyError as error:
        found.faults.append(Alarm("database-away", "database-away", 1, {"detail": type(error).__name__}))
    if found.content and found.known_content == 0:
        found.first = status_store.is_first(public, found.live)
    found.alarms = alarms(found, now)
    return found


def _told(error: Exception) -> str:
    """What a fault of the store says of itself: a missing object by its name, all else by its kind."""
    return str(error) if isinstance(error, StorageError | Untrusted) else type(error).__name__
