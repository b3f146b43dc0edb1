"""Accounts of before addresses had a table: each keeps its address, confirmed, and what it waited for."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from bonded.accounts import address_book, people
from bonded.db import migrate
from bonded.db.engine import Database, open_database
from tests.support.postgres import PostgresServer

OLD = (
    ("a" * 26, "ann", "Ann@example.net", "ann@work.example", 1),
    ("b" * 26, "bob", "bob@example.net", None, 2),
    ("c" * 26, "carol", "ANN@example.net", "Ann@Example.net", 3),
)


def upgraded(db: Database) -> None:
    migrate.upgrade(db, "0016")
    insert = text(
        "INSERT INTO user_account (id, name, name_key, email, new_email, state, is_admin, created_at)"
        " VALUES (:id, :name, :name, :email, :waits, 'active', :no, :at)"
    )
    with db.write() as tx:
        for user_id, name, email, waits, day in OLD:
            row = {"id": user_id, "name": name, "email": email, "waits": waits, "no": False, "at": day}
            tx.execute(insert, row)
    migrate.upgrade(db)
    with db.read() as conn:
        found = {
            name: sorted((one.address, one.verified) for one in address_book.of_user(conn, user_id))
            for user_id, name, *_ in OLD
        }
        assert people.need(conn, "ann").email == "Ann@example.net"
        owner = address_book.owner(conn, "ann@EXAMPLE.net")
    assert found["ann"] == [("Ann@example.net", True), ("ann@work.example", False)]
    assert found["bob"] == [("bob@example.net", True)]
    assert found["carol"] == [("ANN@example.net", False)], "of two with one address the older has it"
    assert owner == "a" * 26
    db.close()


def test_on_sqlite(tmp_path: Path) -> None:
    upgraded(open_database(f"sqlite:///{tmp_path / 'x.db'}"))


def test_on_postgresql(postgres: PostgresServer) -> None:
    with postgres.database(migrated=False) as url:
        upgraded(open_database(url))
