"""A process that is killed while it migrates leaves the database as it was; the next one ends what it began."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bonded.db import migrate, revision
from bonded.db.engine import open_database
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.slow

OLD = "0012"
CHILD = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from bonded.db import migrate
from bonded.db.engine import open_database

url, last, count = sys.argv[1], int(sys.argv[2]), 0

@event.listens_for(Engine, "after_cursor_execute")
def counted(*_):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)

migrate.upgrade(open_database(url))
print(count)
"""


def run(url: str, last: int) -> subprocess.CompletedProcess[str]:
    """Migrate in a process that is killed after its statement number `last`; 0 for never."""
    words = [sys.executable, "-c", CHILD, url, str(last)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120)


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Two empty databases of a kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'one.db'}", f"sqlite:///{tmp_path / 'two.db'}"
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    with postgres.database(migrated=False) as one, postgres.database(migrated=False) as two:
        yield one, two


def test_a_killed_migration_leaves_nothing_behind(urls: tuple[str, str]) -> None:
    for url in urls:
        db = open_database(url)
        migrate.upgrade(db, OLD)
        db.close()
    whole = run(urls[0], 0)
    assert whole.returncode == 0, whole.stderr
    total = int(whole.stdout)
    assert total > 50
    for last in sorted({1, 5, *range(20, total, total // 6), total - 1, total}):
        killed = run(urls[1], last)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        db = open_database(urls[1])
        assert revision.current(db) == OLD, f"killed after statement {last} of {total}"
        db.close()
    assert run(urls[1], 0).returncode == 0
    db = open_database(urls[1])
    assert revision.current(db) == revision.newest()
    assert migrate.differences(db) == []
    db.close()
