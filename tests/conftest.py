"""Fixtures that all tests share: real databases (SQLite and a real PostgreSQL), and a fixed moment."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
import structlog

from bonded.db import migrate
from bonded.db.engine import Database, open_database
from tests.support.postgres import PostgresServer, Supply, start_postgres
from tests.support.rabbitmq import RabbitBroker, RabbitServer, start_rabbitmq
from tests.support.redis import RedisServer, start_redis

# The same examples in every run, however busy the machine is: what fails, fails for everybody.
hypothesis.settings.register_profile("bonded", deadline=None, derandomize=True)
hypothesis.settings.load_profile("bonded")
# Tracebacks as Python writes them: where "rich" is installed, structlog draws each for a tenth of a second.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

NOW = datetime(2026, 1, 5, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """A moment; add to it to move time."""
    return NOW


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Commands configure the logs of their process, which here is that of all tests."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own


@pytest.fixture(scope="session")
def migrated_sqlite(shared: Path) -> Path:
    """An empty, migrated SQLite database to copy from."""
    path = shared / "template.db"
    with (shared / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            made = shared / f"template-{secrets.token_hex(4)}.db"
            db = open_database(f"sqlite:///{made}")
            migrate.upgrade(db)
            with db.engine.connect() as connection:
                connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
            db.close()
            made.rename(path)
    return path


@pytest.fixture(scope="session")
def postgres(shared: Path) -> Iterator[PostgresServer]:
    """A real PostgreSQL server, one for all test processes."""
    with start_postgres(shared, durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real Redis server for this test process."""
    with start_redis() as server:
        yield server


@pytest.fixture
def broker(redis_server: RedisServer) -> RedisServer:
    """The same, empty."""
    redis_server.client().flushall()
    return redis_server


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitServer]:
    """A real RabbitMQ server for this test process; it takes some seconds to start."""
    with start_rabbitmq() as server:
        yield server


@pytest.fixture
def rabbitmq(rabbitmq_server: RabbitServer) -> Iterator[RabbitBroker]:
    """An empty virtual host of its own."""
    with rabbitmq_server.vhost() as made:
        yield made


@pytest.fixture
def sqlite_db(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """A migrated SQLite database."""
    path = tmp_path / "bonded.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    db = open_database(f"sqlite:///{path}")
    yield db
    db.close()


@pytest.fixture(scope="session")
def postgres_supply(postgres: PostgresServer) -> Iterator[Supply]:
    """Migrated PostgreSQL databases without waiting."""
    supply = Supply(postgres)
    yield supply
    supply.close()


@pytest.fixture
def postgres_db(postgres_supply: Supply) -> Iterator[Database]:
    """A migrated PostgreSQL database."""
    with postgres_supply.database() as url:
        db = open_database(url)
        yield db
        db.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest) -> Database:
    """A migrated database; the test runs once on each kind."""
    return request.getfixturevalue("sqlite_db" if request.param == "sqlite" else "postgres_db")  # type: ignore[no-any-return]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short-named folder (Unix sockets allow 107 characters)."""
    with tempfile.TemporaryDirectory(prefix="b-") as where:
        yield Path(where)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`./dev test --slow --slice K/N`: every Nth file, counted from the Kth, so that long suites can be run in parts."""
    wanted = os.environ.get("BONDED_TEST_SLICE", "")
    if not wanted:
        return
    part, _, parts = wanted.partition("/")
    files = sorted({item.location[0] for item in items})
    chosen = set(files[int(part) - 1 :: int(parts)])
    config.hook.pytest_deselected(items=[item for item in items if item.location[0] not in chosen])
    items[:] = [item for item in items if item.location[0] in chosen]
