"""`pack:<day>` jobs: the record of publications of days that have ended goes into one object for each day.

A day may have ten thousand records, which take seconds to read from a bucket and to compress: nothing is published while the
publisher's lock is held, so this is done without it. A pack is only ever created here; what must be added to one is left to the
sweep, which has the lock.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import Connection, bindparam, select

from bonded.db.engine import Database
from bonded.db.jobs import Job, enqueue
from bonded.seams import Storage
from bonded.tuf.context import Publisher
from bonded.tuf.live import live
from bonded.tuf.packs import ENDED, pack, pack_name
from bonded.tuf.settle import chunks, supersede
from bonded.tuf.tables import superseded

QUEUE = "pack"
_MARKED = select(superseded.c.name).where(superseded.c.name.in_(bindparam("names", expanding=True)))

log = structlog.get_logger("bonded.pack")


def handle(p: Publisher, _job: Job, now: datetime) -> None:
    """Pack every day that has ended. Raises the store's error and Untrusted; if we stop anywhere, it runs again."""
    pack_days(p, now)


def ask(db: Database, public: Storage, now: datetime) -> None:
    """Have the newest day that has ended packed, unless it is."""
    day = newest(now)
    if not public.exists(pack_name(day)):
        with db.write() as tx:
            enqueue(tx, QUEUE, f"{QUEUE}:{day.isoformat()}", {}, now=now)


def newest(now: datetime) -> date:
    """The newest day whose record may be packed. Pure."""
    return now.date() - ENDED - timedelta(days=1)


def pack_days(p: Publisher, now: datetime, ended: timedelta = ENDED, *, add: bool = False) -> int:
    """`packs.pack`, and have the single files swept after the grace, for mirrors that are reading them; returns how many."""
    with p.db.read() as conn:
        n, _ = live(conn)
    packed = 0
    for names in pack(p.public, n, now, lambda some: marked(p.db, some), ended=ended, add=add):
        if names:
            with p.db.write() as tx:
                supersede(tx, names, now)
            packed += len(names)
            log.info("packed", records=len(names))
    return packed


def marked(db: Database, names: list[str]) -> set[str]:
    """Those of `names` that wait for the end of their grace."""
    with db.read() as conn:
        found = [_marked(conn, batch) for batch in chunks(names)]
    return {name for some in found for name in some}


def _marked(conn: Connection, names: list[str]) -> list[str]:
    return list(conn.execute(_MARKED, {"names": names}).scalars())
