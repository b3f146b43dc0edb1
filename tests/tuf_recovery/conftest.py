"""A small index, and further databases of the same kind: an empty one, or a copy as of some moment."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from bonded.db.engine import Database, open_database
from tests.support.postgres import PostgresServer
from tests.tuf_recovery.house import House


class Databases:
    """Makes databases like the first one."""

    def __init__(self, folder: Path, template: Path, postgres: Callable[[], PostgresServer], stack: ExitStack) -> None:
        self._folder, self._template, self._postgres, self._stack = folder, template, postgres, stack
        self._count = 0

    def empty(self, like: Database) -> Database:
        """A migrated database with nothing in it."""
        if like.dialect == "sqlite":
            return self._open(shutil.copy(self._template, self._path()))
        return self._opened(self._stack.enter_context(self._postgres().database()))

    def copy(self, db: Database) -> Database:
        """Everything as it is now."""
        if db.dialect == "sqlite":
            path = self._path()
            assert db.engine.url.database
            with closing(sqlite3.connect(db.engine.url.database)) as source, closing(sqlite3.connect(path)) as copy:
                source.backup(copy)
            return self._open(path)
        server, name = self._postgres(), str(db.engine.url.database)
        db.engine.dispose()
        url = self._stack.enter_context(server.database(migrated=False))
        with psycopg.connect(server.uri, autocommit=True) as connection:
            copied = make_url(url).database
            connection.execute(f"DROP DATABASE {copied}")  # type: ignore[call-overload]
            connection.execute(f"CREATE DATABASE {copied} TEMPLATE {name}")  # type: ignore[call-overload]
        return self._opened(url)

    def _path(self) -> Path:
        self._count += 1
        return self._folder / f"copy-{self._count}.db"

    def _open(self, path: Path | str) -> Database:
        return self._opened(f"sqlite:///{path}")

    def _opened(self, url: str) -> Database:
        db = open_database(url)
        self._stack.callback(db.close)
        return db


@pytest.fixture
def databases(tmp_path: Path, migrated_sqlite: Path, request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Further databases; PostgreSQL is started only when it is asked for."""
    with ExitStack() as stack:
        yield Databases(tmp_path, migrated_sqlite, lambda: request.getfixturevalue("postgres"), stack)


@pytest.fixture
def house(tmp_path: Path, db: Database, now: datetime) -> House:
    """An index with development keys and nothing in it, on SQLite and on PostgreSQL."""
    return House(tmp_path / "index", db, now)


@pytest.fixture
def sqlite_house(tmp_path: Path, sqlite_db: Database, now: datetime) -> House:
    """The same on SQLite only."""
    return House(tmp_path / "index", sqlite_db, now)
