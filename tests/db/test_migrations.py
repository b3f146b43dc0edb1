"""Migrations from empty, on both databases, end in exactly the tables that the code declares."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from bonded.catalog.tables import requirement
from bonded.db import migrate, revision
from bonded.db.engine import Database, open_database
from bonded.journal import record
from bonded.values.states import SubjectKind
from bonded.values.who import OPERATOR
from tests.support.postgres import PostgresServer


def check(db: Database) -> None:
    assert revision.current(db) is None
    migrate.upgrade(db)
    assert revision.current(db) == revision.newest()
    assert migrate.differences(db) == []
    migrate.upgrade(db)  # nothing to do
    db.close()


def test_up_from_empty_on_sqlite(tmp_path: Path) -> None:
    check(open_database(f"sqlite:///{tmp_path / 'x.db'}"))


def test_up_from_empty_on_postgresql(postgres: PostgresServer) -> None:
    with postgres.database(migrated=False) as url:
        check(open_database(url))


def test_two_at_once_on_postgresql(postgres: PostgresServer) -> None:
    """As where two hosts are updated at once: the second waits for the first, and finds nothing left to do."""
    with postgres.database(migrated=False) as url:
        first, second = open_database(url), open_database(url)
        with ThreadPoolExecutor(1) as other:
            with first.write() as tx:
                tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": migrate.LOCK})
                later = other.submit(migrate.upgrade, second)
                deadline = time.monotonic() + 60
                while not tx.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
                    assert time.monotonic() < deadline
                    assert not later.done()
                    time.sleep(0.01)
                command.upgrade(migrate._config(tx), "head")
            later.result()
        assert revision.current(second) == revision.newest()
        first.close()
        second.close()


def filled(db: Database) -> None:
    """What releases require is entered for those that were there before."""
    migrate.upgrade(db, "0013")
    with db.write() as tx:
        for name in ("a", "b"):
            tx.execute(
                text(
                    "INSERT INTO project (id, key, name, twin, status, status_reason, deleted, last_journal_id, created_at)"
                    " VALUES (:id, :id, :id, '', 'active', '', :no, 0, :now)"
                ),
                {"id": name, "no": False, "now": 0},
            )
        for number, (owner, said) in enumerate(
            [
                ("a", '["Flask_Login>=1", "idna ; python_version > \'3\'"]'),
                ("a", '["idna"]'),
                ("b", '["IDNA", "???"]'),
                ("b", "null"),
            ]
        ):
            tx.execute(
                text(
                    "INSERT INTO release (id, project_id, version, canonical, metadata, created_at)"
                    " VALUES (:id, :owner, :id, :id, :said, :now)"
                ),
                {
                    "id": str(number),
                    "owner": owner,
                    "said": '{"requires_dist": ' + said + "}",
                    "now": 0,
                },
            )
    migrate.upgrade(db)
    with db.read() as conn:
        rows = conn.execute(select(requirement.c.name, requirement.c.project_id)).all()
    assert sorted(tuple(row) for row in rows) == [("flask-login", "a"), ("idna", "a"), ("idna", "b")]
    db.close()


def test_what_releases_require_is_filled_in_on_sqlite(tmp_path: Path) -> None:
    filled(open_database(f"sqlite:///{tmp_path / 'x.db'}"))


def test_what_releases_require_is_filled_in_on_postgresql(postgres: PostgresServer) -> None:
    with postgres.database(migrated=False) as url:
        filled(open_database(url))


@pytest.mark.parametrize("statement", ["DELETE FROM journal", "UPDATE journal SET action = 'x'"])
def test_journal_rows_cannot_be_changed(db: Database, now: datetime, statement: str) -> None:
    with db.write() as tx:
        record(tx, "index.init", OPERATOR, (SubjectKind.INDEX, ""), now=now)
    with pytest.raises(DBAPIError, match="insert-only"), db.write() as tx:
        tx.execute(text(statement))


def test_writers_are_durable_and_never_start_as_readers(sqlite_db: Database) -> None:
    with sqlite_db.write() as tx:
        assert tx.execute(text("PRAGMA synchronous")).scalar_one() == 2
        assert tx.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
        assert tx.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        other = open_database(str(sqlite_db.engine.url))
        with other.engine.connect() as second:
            second.connection.driver_connection.execute("PRAGMA busy_timeout=1")  # type: ignore[union-attr]
            second.info["immediate"] = True
            with pytest.raises(DBAPIError, match="locked"):
                second.begin()
        other.close()
