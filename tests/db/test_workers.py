"""What workers say of themselves, and what is left of those that say nothing more."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bonded.db import workers
from bonded.db.engine import Database


@pytest.mark.parametrize(
    "ago", [timedelta(days=365), timedelta(days=-365)], ids=["long-ago", "by-a-clock-that-was-ahead"]
)
def test_a_dead_worker_is_no_worker_and_is_forgotten(db: Database, now: datetime, ago: timedelta) -> None:
    def said(number: int, at: datetime) -> workers.Seen:
        return workers.Seen(f"h:{number}:screen", "h", number, "screen", "local", ("screen",), 1, 0, 0, 0, {}, at, at)

    dead, alive = said(1, now - ago), said(2, now + timedelta(seconds=1))
    assert not dead.alive(now)
    assert alive.alive(now), "the clocks of two hosts differ a little"
    with db.write() as tx:
        for one in (dead, alive):
            workers.tell(tx, one)
        workers.forget(tx, now=now)
    with db.read() as conn:
        assert [one.pid for one in workers.workers(conn)] == [2]
