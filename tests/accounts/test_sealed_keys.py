"""What the database holds of tokens and webhooks is worth nothing without the key file; older databases are sealed on the way."""

from __future__ import annotations

import stat
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from bonded.accounts import macaroon, tokens
from bonded.accounts.sealing import Sealer
from bonded.accounts.tables import token as token_table
from bonded.db import migrate
from bonded.db.engine import Database, open_database
from bonded.screening.service_tables import webhook
from bonded.values.refusals import Refusal
from bonded.wiring import open_house
from tests.accounts.people_for_tests import SEALER, person, token
from tests.support.postgres import PostgresServer

KEY, SECRET = b"r" * 32, "whsec_" + "c2VjcmV0" * 5


def use(db: Database, serialized: str, now: datetime, sealer: Sealer = SEALER) -> str:
    with db.read() as conn:
        return tokens.check(
            conn, serialized, sealer=sealer, permission="upload", project=None, now=now, ip="192.0.2.1"
        ).token_id


def code(db: Database, serialized: str, now: datetime, sealer: Sealer = SEALER) -> tuple[str, int]:
    with pytest.raises(Refusal) as caught:
        use(db, serialized, now, sealer)
    return caught.value.code, caught.value.status


def test_a_copy_of_the_database_makes_no_token(db: Database, now: datetime) -> None:
    token_id, serialized = token(db, person(db, now), now)
    with db.read() as conn:
        stored = bytes(conn.execute(select(token_table.c.key)).scalar_one())
    assert use(db, serialized, now) == token_id
    assert len(stored) > macaroon.KEY_BYTES
    for stolen in (stored, stored[:32], stored[-32:], stored[12:44]):
        assert code(db, macaroon.mint(token_id, stolen), now) == ("token-invalid", 401)


def test_a_row_written_into_the_database_makes_no_token(db: Database, now: datetime) -> None:
    """Neither a key in the clear, nor the sealed key of another token, whose text the intruder has."""
    alice = person(db, now)
    mine, serialized = token(db, alice, now)
    other, _ = token(db, alice, now, name="other")
    with db.write() as tx:
        sealed = tx.execute(select(token_table.c.key).where(token_table.c.id == mine)).scalar_one()
        tx.execute(update(token_table).where(token_table.c.id == other).values(key=sealed))
    assert use(db, serialized, now) == mine
    key = SEALER.open(bytes(sealed), f"token:{mine}")
    assert code(db, macaroon.mint(other, key), now) == ("account-key-missing", 503)
    with db.write() as tx:
        tx.execute(update(token_table).where(token_table.c.id == other).values(key=KEY))
    assert code(db, macaroon.mint(other, KEY), now) == ("account-key-missing", 503)


def test_another_key_file_is_said_and_nothing_is_taken_for_forged(sqlite_db: Database, now: datetime) -> None:
    _, serialized = token(sqlite_db, person(sqlite_db, now), now)
    assert code(sqlite_db, serialized, now, Sealer(b"x" * 32)) == ("account-key-missing", 503)
    assert code(sqlite_db, macaroon.mint("unknown", KEY), now, Sealer(b"x" * 32)) == ("token-invalid", 401)


def before_sealing(db: Database) -> None:
    """A database of the version before, with a person, a token and a webhook as they were stored then."""
    migrate.upgrade(db, "0015")
    with db.write() as tx:
        tx.execute(
            text(
                "INSERT INTO user_account (id, name, name_key, email, state, is_admin, created_at)"
                " VALUES ('u', 'alice', 'alice', 'a@example.invalid', 'active', :no, 0)"
            ),
            {"no": False},
        )
        tx.execute(
            text(
                "INSERT INTO token (id, user_id, name, key, projects, permissions, networks, operator, created_at, expires_at)"
                " VALUES ('t', 'u', 'ci', :key, '[]', '[\"upload\"]', '[]', :no, 0, 4102444800000000)"
            ),
            {"key": KEY, "no": False},
        )
        tx.execute(
            text(
                "INSERT INTO webhook (id, url, events, secret, old_secret, cursor, created_at)"
                " VALUES ('w', 'https://Hooks.example:8443/services/s3cr3t', '[]', :secret, :old, 0, 0)"
            ),
            {"secret": SECRET, "old": SECRET[::-1]},
        )


def sealed_on_the_way(db: Database, now: datetime) -> None:
    before_sealing(db)
    with pytest.raises(RuntimeError, match="bonded migrate"):
        migrate.upgrade(db)
    migrate.upgrade(db, sealer=lambda: SEALER)
    with db.read() as conn:
        key = bytes(conn.execute(text("SELECT key FROM token")).scalar_one())
        hook = conn.execute(select(webhook.c.secret, webhook.c.old_secret)).one()
        url, origin = conn.execute(select(webhook.c.url, webhook.c.origin)).one()
    assert KEY not in key
    assert SEALER.open(key, "token:t") == KEY
    assert all(one.startswith("sealed:") for one in hook)
    assert [SEALER.open_text(one, "webhook:w") for one in hook] == [SECRET, SECRET[::-1]]
    assert url.startswith("sealed:")
    assert SEALER.open_text(url, "webhook-address:w") == "https://Hooks.example:8443/services/s3cr3t"
    assert origin == "https://hooks.example:8443"
    db.close()


def test_older_databases_are_sealed_on_sqlite(tmp_path: Path, now: datetime) -> None:
    sealed_on_the_way(open_database(f"sqlite:///{tmp_path / 'x.db'}"), now)


def test_older_databases_are_sealed_on_postgresql(postgres: PostgresServer, now: datetime) -> None:
    with postgres.database(migrated=False) as url:
        sealed_on_the_way(open_database(url), now)


def test_the_command_has_the_key(tmp_path: Path) -> None:
    """`bonded migrate` makes the key file where there is none, readable by its owner alone."""
    from click.testing import CliRunner

    from bonded.cli import bonded

    (tmp_path / "bonded.toml").write_text("")
    before_sealing(open_house(tmp_path).db)
    done = CliRunner().invoke(bonded, ["migrate", "--dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    house = open_house(tmp_path)
    made = tmp_path / house.settings.account.key_file
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    serialized = macaroon.mint("t", KEY)
    with house.db.read() as conn:
        known = tokens.genuine(conn, house.sealer, macaroon.read(serialized))
    assert known is not None
    house.db.close()


def test_an_empty_setting_is_a_sentence(tmp_path: Path) -> None:
    from bonded.settings import SettingsError

    (tmp_path / "bonded.toml").write_text('[account]\nkey_file = ""\n')
    with pytest.raises(SettingsError, match=r"account\.key_file"):
        _ = open_house(tmp_path).sealer
