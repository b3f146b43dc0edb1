"""The roles of PostgreSQL: processes of the server work as roles that cannot change the journal, whatever they are told."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from bonded.accounts import passwords
from bonded.db.engine import Database, open_database
from bonded.db.grants import INSERT_ONLY, Kind, NoSuchRole, grant
from bonded.journal import record, seal
from bonded.journal.private import forget
from bonded.values.states import SubjectKind
from bonded.values.who import Actor, ActorKind
from bonded.web.context import WebSettings
from tests.support.postgres import PostgresServer
from tests.web.house import CHEAP, House, form_to

ALICE = Actor(ActorKind.USER, "alice", "session", "192.0.2.1", "Browser")
FORBIDDEN = [
    "UPDATE journal SET action = 'user.logout'",
    "DELETE FROM journal",
    "TRUNCATE journal CASCADE",
    "DROP TRIGGER journal_no_update ON journal",
    "ALTER TABLE journal DISABLE TRIGGER ALL",
    "ALTER TABLE journal OWNER TO CURRENT_USER",
    "DROP TABLE journal CASCADE",
    "CREATE OR REPLACE FUNCTION bonded_insert_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "SET session_replication_role = replica",
    "UPDATE journal_leaf SET seq = seq + 1",
    "DELETE FROM journal_leaf",
    "UPDATE journal_node SET hash = ''",
    "DELETE FROM journal_node",
    "UPDATE seal SET root = ''",
    "DELETE FROM seal",
    "UPDATE journal_private SET data = '{}'",
    "UPDATE alembic_version SET version_num = '0001'",
]
"""What nobody but the tables' owner can do."""


@contextmanager
def role(server: PostgresServer, url: str, kind: Kind) -> Iterator[Database]:
    """The database as a new role of that kind sees it: another user with a password of its own."""
    name, password = f"Bonded {secrets.token_hex(4)}", secrets.token_hex(16)
    with psycopg.connect(server.uri, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{password}'")  # type: ignore[call-overload]
    owner = open_database(url)
    with owner.write() as tx:
        grant(tx, name, kind)
    theirs = open_database(make_url(url).set(username=name, password=password).render_as_string(hide_password=False))
    try:
        yield theirs
    finally:
        theirs.close()
        with owner.write() as tx:
            tx.execute(text(f'DROP OWNED BY "{name}"'))
            tx.execute(text(f'DROP ROLE "{name}"'))
        owner.close()


def note(db: Database, now: datetime) -> int:
    with db.write() as tx:
        return record(tx, "user.login", ALICE, (SubjectKind.USER, "alice"), now=now)


def test_no_process_can_change_the_journal(postgres: PostgresServer, now: datetime) -> None:
    with postgres.database() as url:
        for kind in Kind:
            with role(postgres, url, kind) as db:
                note(db, now)
                for statement in FORBIDDEN:
                    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"), db.write() as tx:
                        tx.execute(text(statement))


def test_web_processes_cannot_write_the_log_and_the_sealer_can(postgres: PostgresServer, now: datetime) -> None:
    with postgres.database() as url:
        with role(postgres, url, Kind.WEB) as web:
            note(web, now)
            with pytest.raises(DBAPIError, match="permission denied"), web.write() as tx:
                seal.seal(tx, now=now)
        with role(postgres, url, Kind.SERVER) as server, server.write() as tx:
            assert seal.seal(tx, now=now)[0] == 1
            assert forget(tx, "alice") == 1, "private data can be deleted"


def test_the_website_works_with_the_rights_of_its_role(
    postgres: PostgresServer, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "default_hasher", lambda: CHEAP)
    settings = WebSettings(
        name="Bonded", url="http://localhost/", contact="mailto:s@example.invalid", second_factor=False
    )
    with postgres.database() as url, role(postgres, url, Kind.WEB) as web:
        house = House(web, tmp_path, now, settings)
        ann = house.person("ann")
        browser = house.login("ann")
        house.project("spam", ann)
        with open_database(url).write() as tx:  # decisions are the worker's and the console's
            assert tx.execute(text("SELECT count(*) FROM project")).scalar() == 1
        form = form_to(browser.get("/manage/project/spam/status/"), "/archive/")
        form.submit(status=303)
        assert "Archive a project" in browser.get("/manage/project/spam/history/")
        form_to(browser.get("/account/"), "/logout/").submit(status=303)
        house.person("bob")
        form = form_to(house.login("bob").get("/account/data/"), "/delete/")
        form["name"] = "bob"
        form.submit(status=303)


def test_every_insert_only_table_is_one_for_both_kinds(postgres: PostgresServer) -> None:
    query = text("SELECT has_table_privilege(:role, :table, :verb)")
    with postgres.database() as url:
        for kind in Kind:
            with role(postgres, url, kind) as db, db.read() as conn:
                me = conn.execute(text("SELECT current_user")).scalar()
                for table in INSERT_ONLY:
                    for verb in ("UPDATE", "DELETE", "TRUNCATE", "TRIGGER"):
                        assert not conn.execute(query, {"role": me, "table": table, "verb": verb}).scalar(), table


def test_an_owner_or_a_stranger_is_no_role_for_it(postgres_db: Database) -> None:
    with postgres_db.write() as tx:
        me = tx.execute(text("SELECT current_user")).scalar_one()
    for name in (me, "nobody'; DROP TABLE journal; --"):
        with pytest.raises(NoSuchRole), postgres_db.write() as tx:
            grant(tx, name, Kind.WEB)
