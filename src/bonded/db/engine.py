"""Opening databases and the two kinds of transactions.

SQLite: WAL, foreign keys, busy_timeout 10 s, synchronous=FULL; BEGIN IMMEDIATE for writers (a deferred transaction that
turns into a writer fails with "database is locked" whatever the timeout), plain BEGIN for readers.
PostgreSQL: READ COMMITTED for writers, REPEATABLE READ READ ONLY for readers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import QueuePool

from bonded.db.held import held
from bonded.db.sqlite_lock import begin_immediate
from bonded.db.turns import Turns

BUSY_TIMEOUT = 10_000
"""Milliseconds that a connection to SQLite waits for a lock."""
Tx = Connection
"""A transaction that may write, from `Database.write()`. Everything in it commits or nothing."""

log = structlog.get_logger("bonded.db")

Touched = Mapping[str, Sequence[int]]
"""Queues with something new, and the numbers of new jobs that are due, as far as they are known."""


class Database:
    """One database. Made by `open_database`; safe to use from many threads; call `forked()` after a fork."""

    def __init__(self, engine: Engine, turns: Turns | None = None, beside: Path | None = None) -> None:
        self.engine = engine
        self.dialect: str = engine.dialect.name
        self._turns, self._held = turns, beside
        self._listeners: list[Callable[[Touched], None]] = []

    def on_commit(self, listener: Callable[[Touched], None]) -> None:
        """Call `listener(touched)` after each commit that touched queues (see `touch`). It must not raise."""
        self._listeners.append(listener)

    @contextmanager
    def write(self, *, patient: bool = True) -> Iterator[Tx]:
        """One writing transaction: commits at the end, rolls back on any exception.

        SQLite has one for all: where another is under way this one waits for it, or raises OperationalError at once unless
        `patient`, for what need not be written now.
        """
        with self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection = connection.execution_options(isolation_level="READ COMMITTED")
            connection.info["queues"], connection.info["calls"] = {}, []
            connection.info["immediate"], connection.info["patient"] = True, patient
            with connection.begin():
                yield connection
            queues: Touched = connection.info.pop("queues", {})
            calls: list[Callable[[], None]] = connection.info.pop("calls", [])
        if queues:
            for listener in self._listeners:
                listener(queues)
        for call in calls:
            try:
                call()
            except Exception as error:  # what is committed is committed: the caller must not take it for undone
                log.error("a call after a commit failed", exc_info=error)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One reading transaction over one snapshot of the database."""
        with self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            connection.info["immediate"] = False
            with connection.begin():
                yield connection

    @contextmanager
    def holding(self) -> Iterator[Connection]:
        """A transaction that locks rows FOR UPDATE while work outside of the database is done, and writes nothing.

        It excludes others in here that lock the same rows; on SQLite, which has no locks of rows, all others in here, and nobody
        else: who writes need not wait. Raises Away where others are at work for too long (SQLite).
        """
        if self._held is None:
            with self.write() as tx:
                yield tx
            return
        with held(self._held), self.read() as connection:
            yield connection

    def forked(self) -> None:
        """Forget the parent's connections without closing them. Call first in every child process."""
        self.engine.dispose(close=False)
        if self._turns is not None:
            self._turns.forked()

    def goes_first(self) -> None:
        """This process answers requests: others let its writing transactions go first, where they take turns (SQLite)."""
        if self._turns is not None:
            self._turns.first = True

    def close(self) -> None:
        self.engine.dispose()
        if self._turns is not None:
            self._turns.close()


def touch(tx: Tx, queue: str, numbers: Sequence[int] = ()) -> None:
    """Note that `queue` has something new, the jobs `numbers` among it; its workers are woken after the commit."""
    tx.info.setdefault("queues", {}).setdefault(queue, []).extend(numbers)


def afterwards(tx: Tx, call: Callable[[], None]) -> None:
    """Call `call` after the commit, if there is one: for what belongs to a change and need not hold its locks. Lost when the
    process dies in between or it raises, which goes to the log; so never for effects: they are jobs."""
    tx.info.setdefault("calls", []).append(call)


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
        file = engine.url.database
        turns, beside = (Turns(Path(f"{file}-turn")), Path(f"{file}-held")) if file else (None, None)
        # A file, neither a database in memory nor an address of SQLite's own.
        if Path(engine.url.database or "").is_absolute():
            event.listen(engine, "do_connect", _sqlite_private)
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", partial(_sqlite_begin, turns))
        return Database(engine, turns, beside)
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg://" + url.removeprefix("postgresql://")
    engine = create_engine(url, pool_size=pool_size, max_overflow=16, pool_pre_ping=True, hide_parameters=True)
    return Database(engine)


def _sqlite_private(_dialect: Any, _record: Any, arguments: list[Any], _named: dict[str, Any]) -> None:
    """A new file is its owner's: whoever serves the public store from the same folder need not read password hashes. SQLite gives
    its log the same mode."""
    with suppress(OSError):  # it is there, which is usual; or cannot be, which SQLite tells
        os.close(os.open(str(arguments[0]), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we send BEGIN ourselves
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(turns: Turns | None, connection: Connection) -> None:
    if not connection.info.get("immediate", True):
        connection.exec_driver_sql("BEGIN")
        return
    begun = False
    if connection.info.get("patient", True):
        with turns.asked() if turns else nullcontext():
            begun = begin_immediate(connection.connection.driver_connection)
    if not begun:
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # where it is locked, it says so as SQLAlchemy's own error
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_TIMEOUT}")


def writable(db: Database) -> None:
    """Raise the driver's error where SQLite's file can be read only; nothing is changed. BEGIN IMMEDIATE alone succeeds there."""
    if db.dialect == "sqlite":
        with db.write() as tx:
            version = tx.exec_driver_sql("PRAGMA user_version").scalar_one()
            tx.exec_driver_sql(f"PRAGMA user_version={int(version)}")


def alive(db: Database) -> None:
    """Raise the driver's error when the database does not answer a trivial query."""
    with db.read() as connection:
        connection.execute(text("SELECT 1"))
