"""Work outside of the database on rows that are held: one at a time, and on SQLite nobody who writes waits for it."""

from __future__ import annotations

import os
import signal
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from bonded.catalog.tables import project
from bonded.db import held
from bonded.db.engine import Database, open_database
from bonded.seams import Away


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bonded.db-held"


def test_one_at_a_time(path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(20):
            with held.held(path):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert most == [1] * 80


def test_who_waits_too_long_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "PATIENCE", 0.02)
    with held.held(path):
        with pytest.raises(Away, match="others"), held.held(path):
            pass
    with held.held(path):  # it is free again
        pass


@pytest.mark.parametrize("how", ["killed", "forked and left behind"])
def test_no_process_leaves_it_held(path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that was forked by somebody else in the meantime has the file open, too."""
    ready, told = os.pipe()
    monkeypatch.setattr(held, "PATIENCE", 60.0 if how == "killed" else 5.0)
    if how == "killed":
        if not (child := os.fork()):
            with held.held(path):
                os.write(told, b".")
                time.sleep(600)
    else:
        with held.held(path):
            if not (child := os.fork()):
                os.write(told, b".")
                time.sleep(600)
                os._exit(0)
    assert os.read(ready, 1) == b"."
    if how == "killed":
        os.kill(child, signal.SIGKILL)
    with held.held(path):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_who_writes_does_not_wait_on_sqlite(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/some.db")
    with db.write() as tx:
        tx.execute(text("CREATE TABLE rows (n INTEGER)"))
    with db.holding() as conn:
        conn.execute(text("SELECT * FROM rows"))
        began = time.monotonic()
        with db.write() as tx:
            tx.execute(text("INSERT INTO rows VALUES (1)"))
        assert time.monotonic() - began < 5  # SQLite's own patience is 10
        assert conn.execute(text("SELECT count(*) FROM rows")).scalar_one() == 0  # it goes by what was there
    db.close()


def test_rows_are_held_against_those_who_hold_them(db: Database, now: datetime) -> None:
    with db.write() as tx:
        tx.execute(insert(project).values(id="p", key="held", name="held", status="active", created_at=now))
    asked = select(project.c.key).where(project.c.key == "held").with_for_update(key_share=True)
    order: list[str] = []

    def other() -> None:
        with db.holding() as conn:
            conn.execute(asked).all()
            order.append("other")

    thread = threading.Thread(target=other)
    with db.holding() as conn:
        assert conn.execute(asked).scalars().all() == ["held"]
        thread.start()
        time.sleep(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "other"]
