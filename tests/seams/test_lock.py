"""The contract of Lock, against a file and against PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from bonded.adapters.lock_file import FileLock
from bonded.adapters.lock_postgres import PostgresLock
from tests.support.postgres import PostgresServer

Make = Callable[[], FileLock | PostgresLock]


@pytest.fixture(params=["file", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    made: list[FileLock | PostgresLock] = []
    if request.param == "file":

        def new() -> FileLock | PostgresLock:
            made.append(FileLock(tmp_path / "run/lock"))
            return made[-1]

        yield new
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        with server.database(migrated=False) as url:

            def new() -> FileLock | PostgresLock:
                made.append(PostgresLock(url))
                return made[-1]

            yield new
            for lock in made:
                lock.release()
    for lock in made:
        lock.release()


def test_one_has_it_until_it_is_released(make: Make) -> None:
    one, other = make(), make()
    with one.held() as mine:
        assert mine
        with other.held() as theirs:
            assert not theirs
    with other.held() as theirs:
        assert not theirs  # kept for the life of the process
    with one.held() as mine:
        assert mine
    one.release()
    with other.held() as theirs:
        assert theirs


def test_only_one_thread_of_a_process_is_inside(make: Make) -> None:
    one = make()
    inside: list[bool] = []

    def enter() -> None:
        with one.held() as mine:
            inside.append(mine)

    with one.held() as mine:
        assert mine
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
    assert inside == [False]


def test_the_kernel_frees_it_when_the_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys, time; from pathlib import Path; from bonded.adapters.lock_file import FileLock\n"
        "lock = FileLock(Path(sys.argv[1]))\n"
        "with lock.held() as mine: print(mine, flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"True\n"
    lock = FileLock(path)
    with lock.held() as mine:
        assert not mine
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with lock.held() as mine:
        assert mine
    lock.release()


def test_a_session_that_died_is_noticed(postgres: PostgresServer) -> None:
    with postgres.database(migrated=False) as url:
        one, other = PostgresLock(url), PostgresLock(url)
        with one.held() as mine:
            assert mine
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with other.held() as theirs:
                if theirs:
                    break
            time.sleep(0.05)
        assert theirs
        with one.held() as mine:
            assert not mine
        one.release()
        other.release()


def test_without_its_database_nobody_has_it_and_a_refresher_goes_on() -> None:
    with PostgresLock("postgresql://127.0.0.1:1/none").held() as mine:
        assert mine
