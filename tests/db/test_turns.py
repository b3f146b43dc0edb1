"""A request goes before jobs at SQLite's lock, and only for so long."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from bonded.db import turns
from bonded.db.engine import Database, open_database
from bonded.db.turns import Turns


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bonded.db-turn"


def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def has_its_sign_up(db: Database) -> bool:
    """Asked of the waiting process itself: whoever tries the lock from outside may be what keeps the sign down."""
    turns = db._turns
    assert turns
    with turns._guard:
        return turns._waiting > 0


def first(path: Path) -> Turns:
    made = Turns(path)
    made.first = True
    return made


def test_whoever_may_wait_lets_a_request_go_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 60)
    request, job = first(path), Turns(path)
    order: list[str] = []

    def work() -> None:
        with job.asked():
            order.append("job")

    with request.asked():
        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.05)
        order.append("request")
    thread.join()
    assert order == ["request", "job"]


def test_work_goes_on_however_long_requests_wait(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.01)
    with first(path).asked(), Turns(path).asked():
        pass


def test_requests_do_not_wait_for_each_other(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 60)
    one, other = first(path), first(path)
    with one.asked(), other.asked(), one.asked():
        pass
    with Turns(path).asked():  # and all signs are taken away again
        pass


def test_a_sign_is_put_up_although_a_job_looks_just_then(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0)
    looking = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_EX)
    monkeypatch.setattr(time, "sleep", lambda seconds: fcntl.flock(looking, fcntl.LOCK_UN))
    with first(path).asked():
        fcntl.flock(looking, fcntl.LOCK_UN)  # whether it was waited for or not
        assert Turns(path)._somebody_waits()
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    fcntl.flock(looking, fcntl.LOCK_EX)
    with first(path).asked():
        pass  # one that looks for ever holds up nobody
    os.close(looking)


def test_the_sign_goes_with_the_process_that_set_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 60)
    here = first(path)
    child = os.fork()
    if child == 0:
        here.forked()
        with here.asked():
            os._exit(0)
    os.waitpid(child, 0)
    with Turns(path).asked():
        pass


def test_a_place_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    with first(tmp_path / "nowhere" / "turn").asked(), Turns(tmp_path / "nowhere" / "turn").asked():
        pass


def test_a_database_takes_turns(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first's lock with its sign up; the third, a job, comes after it."""
    monkeypatch.setattr(turns, "PATIENCE", 60)
    url = str(sqlite_db.engine.url)
    request, job = open_database(url), open_database(url)
    request.goes_first()
    order: list[str] = []

    def write(db: Database, name: str) -> None:
        with db.write():
            order.append(name)

    with sqlite_db.write():
        threads = [threading.Thread(target=write, args=(request, "request"))]
        threads[0].start()
        until(lambda: has_its_sign_up(request))
        threads.append(threading.Thread(target=write, args=(job, "job")))
        threads[1].start()
        time.sleep(0.1)  # it would have its turn by then; were it later, it would come second all the more
    for thread in threads:
        thread.join()
    assert order == ["request", "job"]
    request.close()
    job.close()


def open_files(beside: Path) -> list[str]:
    """What this process has open in one folder; elsewhere, threads of other tests' servers come and go."""
    found = []
    for one in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(one.readlink()))
    return [path for path in found if Path(path).is_relative_to(beside)]


def test_a_closed_database_keeps_no_file_open(tmp_path: Path) -> None:
    for first in (True, False):
        db = open_database(f"sqlite:///{tmp_path}/{first}.db")
        if first:
            db.goes_first()
        with db.write():
            assert open_files(tmp_path)
        db.close()
        assert open_files(tmp_path) == []
