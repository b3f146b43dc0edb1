"""`pack:<day>` jobs: the record of publications of days that have ended goes into one object for each day.

A day may have ten thousand records, which take seconds to read from a bucket and to compress: nothing is published while the
publisher's lock is held, so this is done without it. That does no harm: records never change, a pack is written once, and no
single file is deleted because it was packed, but because the sweep, which has the lock, finds it in its pack.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import Connection, bindparam, select

from bonded.db.engine import Database
from bonded.db.jobs import Job, enqueue
from bonded.seams import Storage
from bonded.tuf.base import read_base
from bonded.tuf.context import Publisher
from bonded.tuf.packs import ended_days, pack_name, write_pack
from bonded.tuf.settle import chunks, supersede
from bonded.tuf.tables import superseded
from bonded.tuf.trust import Untrusted

QUEUE = "pack"
ENDED = timedelta(days=1)
"""How long ago a day has ended when its record is packed."""
_MARKED = select(superseded.c.name).where(superseded.c.name.in_(bindparam("names", expanding=True)))

log = structlog.get_logger("bonded.pack")


class Asking:
    """Has the newest day that has ended packed, once. Remembers which it asked for; one for each process."""

    def __init__(self, db: Database, public: Storage) -> None:
        self._db, self._public = db, public
        self._asked: date | None = None

    def ask(self, now: datetime) -> None:
        """A day without publications is asked for once, too: its job looks whether earlier ones were left."""
        day = now.date() - ENDED - timedelta(days=1)
        if day == self._asked:
            return
        if not self._public.exists(pack_name(day)):
            with self._db.write() as tx:
                enqueue(tx, QUEUE, f"{QUEUE}:{day.isoformat()}", {}, now=now)
        self._asked = day


def handle(p: Publisher, _job: Job, now: datetime) -> None:
    """Pack every day that has ended. Raises what the store raises, and Untrusted; if we stop anywhere, it runs again."""
    pack_days(p, now)


def pack_days(p: Publisher, now: datetime) -> int:
    """Pack the days that have ended, and have their single files swept after the grace, for mirrors that are reading them;
    returns how many. A pack that cannot be read keeps no other day waiting: it is raised at the end."""
    base = read_base(p.public)
    before = min(now.date() - ENDED, base.at.date())
    packed, wrong = 0, None
    for day, records in ended_days(p.public, base, before, lambda names: marked(p.db, names)):
        try:
            names = write_pack(p.public, day, records)
        except Untrusted as error:
            wrong = error
            continue
        for some in chunks(names):
            with p.db.write() as tx:
                supersede(tx, some, now)
        packed += len(names)
        log.info("packed", day=day.isoformat(), records=len(names), late=len(records) - len(names))
    if wrong is not None:
        raise wrong
    return packed


def marked(db: Database, names: list[str]) -> set[str]:
    """Those of `names` that wait for the end of their grace."""
    with db.read() as conn:
        found = [_marked(conn, batch) for batch in chunks(names)]
        return {name for some in found for name in some}


def _marked(conn: Connection, names: list[str]) -> list[str]:
    return list(conn.execute(_MARKED, {"names": names}).scalars())
