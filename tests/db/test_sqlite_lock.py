"""Writers to SQLite take turns without long sleeps, and give up in the words that everybody knows."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from bonded.db import engine, sqlite_lock
from bonded.db.engine import Database, afterwards, open_database


def test_a_lock_that_stays_is_said_to_be_locked(
    sqlite_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT", 50)
    impatient = open_database(str(sqlite_db.engine.url))
    with sqlite_db.write(), pytest.raises(OperationalError, match="locked"), impatient.write():
        pass
    with impatient.write() as tx:  # the connection is as good as before
        assert tx.execute(text("PRAGMA busy_timeout")).scalar_one() == 50
    impatient.close()


def test_whoever_waits_goes_on_soon_after_the_lock_is_free(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own waiting would have slept for up to 25 ms at this point, and again whenever it came too late.

    What it sleeps between looks is all that it adds; how soon it goes on by the clock is measured by bench/upload.py.
    """
    slept: list[float] = []
    waits = threading.Event()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 20:  # by then the sleeps are as long as they get
            waits.set()
        time.sleep(seconds)

    monkeypatch.setattr(sqlite_lock, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    taken = threading.Event()

    def wait() -> None:
        with sqlite_db.write():
            taken.set()

    thread = threading.Thread(target=wait)
    with sqlite_db.write():
        thread.start()
        assert waits.wait(60)
        assert not taken.is_set()
    assert taken.wait(60)
    thread.join()
    assert max(slept) <= sqlite_lock.LONGEST < 0.025


def test_writers_of_many_threads_lose_nothing(sqlite_db: Database) -> None:
    with sqlite_db.write() as tx:
        tx.execute(text("CREATE TABLE turns (n INTEGER)"))
        tx.execute(text("INSERT INTO turns VALUES (0)"))

    def add() -> None:
        for _ in range(20):
            with sqlite_db.write() as tx:
                n = tx.execute(text("SELECT n FROM turns")).scalar_one()
                tx.execute(text("UPDATE turns SET n = :n"), {"n": n + 1})

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with sqlite_db.read() as conn:
        assert conn.execute(text("SELECT n FROM turns")).scalar_one() == 120


def test_what_comes_afterwards_comes_after_the_commit_and_not_without_one(sqlite_db: Database) -> None:
    with sqlite_db.write() as tx:
        tx.execute(text("CREATE TABLE told (n INTEGER)"))
    seen: list[int] = []

    def look() -> None:
        with sqlite_db.read() as conn:
            seen.append(conn.execute(text("SELECT count(*) FROM told")).scalar_one())

    with sqlite_db.write() as tx:
        afterwards(tx, look)
        tx.execute(text("INSERT INTO told VALUES (1)"))
        assert seen == []
    assert seen == [1]
    with pytest.raises(ZeroDivisionError), sqlite_db.write() as tx:
        afterwards(tx, look)
        raise ZeroDivisionError
    with sqlite_db.write():
        pass
    assert seen == [1]
