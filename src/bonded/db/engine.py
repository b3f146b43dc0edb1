"""Opening databases and the two kinds of transactions.

SQLite: WAL, foreign keys, busy_timeout 10 s, synchronous=FULL; BEGIN IMMEDIATE for writers (a deferred transaction that
turns into a writer fails with "database is locked" whatever the timeout), plain BEGIN for readers.
PostgreSQL: READ COMMITTED for writers, REPEATABLE READ READ ONLY for readers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import QueuePool

from bonded.db.sqlite_lock import begin_immediate

BUSY_TIMEOUT = 10_000
"""Milliseconds that a connection to SQLite waits for a lock."""
Tx = Connection
"""A transaction that may write, from `Database.write()`. Everything in it commits or nothing."""

Touched = Mapping[str, Sequence[int]]
"""Queues with something new, and the numbers of new jobs that are due, as far as they are known."""


class Database:
    """One database. Made by `open_database`; safe to use from many threads; call `forked()` after a fork."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect: str = engine.dialect.name
        self._listeners: list[Callable[[Touched], None]] = []

    def on_commit(self, listener: Callable[[Touched], None]) -> None:
        """Call `listener(touched)` after each commit that touched queues (see `touch`). It must not raise."""
        self._listeners.append(listener)

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """One writing transaction: commits at the end, rolls back on any exception."""
        with self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection = connection.execution_options(isolation_level="READ COMMITTED")
            connection.info["queues"] = {}
            connection.info["immediate"] = True
            with connection.begin():
                yield connection
            queues: Touched = connection.info.pop("queues", {})
        if queues:
            for listener in self._listeners:
                listener(queues)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One reading transaction over one snapshot of the database."""
        with self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            connection.info["immediate"] = False
            with connection.begin():
                yield connection

    def forked(self) -> None:
        """Forget the parent's connections without closing them. Call first in every child process."""
        self.engine.dispose(close=False)

    def close(self) -> None:
        self.engine.dispose()


def touch(tx: Tx, queue: str, numbers: Sequence[int] = ()) -> None:
    """Note that `queue` has something new, the jobs `numbers` among it; its workers are woken after the commit."""
    tx.info.setdefault("queues", {}).setdefault(queue, []).extend(numbers)


def open_database(url: str, *, pool_size: int = 8) -> Database:
    """Open `url` ("sqlite:///path" or "postgresql+psycopg://..."). Nothing is read or created yet."""
    if url.startswith("sqlite"):
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=pool_size,
            max_overflow=16,
            hide_parameters=True,  # errors go to logs, and bound values may be secrets
            connect_args={"check_same_thread": False, "timeout": 10},
        )
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    else:
        if url.startswith("postgresql://"):
            url = "postgresql+psycopg://" + url.removeprefix("postgresql://")
        engine = create_engine(url, pool_size=pool_size, max_overflow=16, pool_pre_ping=True, hide_parameters=True)
    return Database(engine)


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we send BEGIN ourselves
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    if not connection.info.get("immediate", True):
        connection.exec_driver_sql("BEGIN")
    elif not begin_immediate(connection.connection.driver_connection):
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # says that it is locked, as SQLAlchemy's own error
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_TIMEOUT}")


def alive(db: Database) -> None:
    """Raise the driver's error when the database does not answer a trivial query."""
    with db.read() as connection:
        connection.execute(text("SELECT 1"))
