"""An index changes its database: from SQLite to PostgreSQL and back, with everything it knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from bonded.db.engine import Database, open_database
from bonded.db.jobs import enqueue, job
from bonded.db.migrate import upgrade
from bonded.db.tables import whole
from bonded.journal.tables import journal
from bonded.tuf.publish import publish
from bonded.values.refusals import Refusal
from bonded.wiring import House, open_house
from tests.ops.test_commands import house, run, said
from tests.support.postgres import PostgresServer
from tests.tuf_ops.index import Index

__all__ = ["house"]


@pytest.fixture
def empty(postgres: PostgresServer) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    with postgres.database(migrated=False) as url:
        yield url


def contents(db: Database) -> dict[str, list[str]]:
    """Every row of every table."""
    with db.read() as conn:
        return {
            table.name: sorted(repr(tuple(row)) for row in conn.execute(select(table)).all())
            for table in whole().sorted_tables
        }


def old_address(house: House) -> str:
    return f"sqlite:///{house.directory / 'bonded.db'}"


def works(folder: Path) -> None:
    """The index takes an upload and publishes it, and fsck has nothing to say."""
    house = open_house(folder)
    index = Index.__new__(Index)
    index.folder, index.db, index.now, index.owner = folder, house.db, datetime.now(UTC), "0" * 26
    index.vault, index.public, index.publisher = house.vault, house.public, house.publisher  # type: ignore[assignment]
    index.upload(f"later-{house.db.dialect}")
    publish(house.publisher, datetime.now(UTC))
    index.work()
    house.lock.release()  # type: ignore[attr-defined]
    assert [line for line in said("fsck", str(folder)).splitlines() if not line.startswith("warning ")] == []
    house.db.close()


def test_an_index_moves_to_postgresql_and_back(house: House, empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, old = house.directory, old_address(house)
    with house.db.write() as tx:
        enqueue(tx, "plain", "gone", {"project": "gone"}, now=datetime.now(UTC))
        last = tx.execute(select(job.c.id).where(job.c.key == "gone")).scalar_one()
        tx.execute(job.delete().where(job.c.id == last))
    before = contents(house.db)
    assert sum(map(len, before.values())) > 40
    house.db.close()

    monkeypatch.setenv("BONDED_DATABASE__URL", empty)
    out = said("migrate", "--dir", str(folder), "--from", old)
    assert f"{sum(map(len, before.values()))} rows taken over" in out
    there = open_database(empty)
    assert contents(there) == before
    left = open_database(old)
    assert contents(left) == before
    left.close()
    with there.write() as tx:
        enqueue(tx, "plain", "next", {"project": "next"}, now=datetime.now(UTC))
        assert tx.execute(select(job.c.id).where(job.c.key == "next")).scalar_one() > last  # a number is given once
        tx.execute(job.delete().where(job.c.key == "next"))
    works(folder)

    moved, back = contents(there), f"sqlite:///{folder / 'back.db'}"
    there.close()
    monkeypatch.setenv("BONDED_DATABASE__URL", back)
    said("migrate", "--dir", str(folder), "--from", empty)
    again = open_database(back)
    assert contents(again) == moved
    with again.write() as tx:
        enqueue(tx, "plain", "next", {"project": "next"}, now=datetime.now(UTC))
        assert tx.execute(select(job.c.id).where(job.c.key == "next")).scalar_one() > last + 1
        tx.execute(job.delete().where(job.c.key == "next"))
    again.close()
    works(folder)


def test_what_is_no_move_is_refused_and_nothing_is_copied(
    house: House, empty: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder, old = house.directory, old_address(house)
    words = ("migrate", "--dir", str(folder), "--from")
    assert "still name the old database" in run(*words, old).stderr
    monkeypatch.setenv("BONDED_DATABASE__URL", empty)
    assert "there is no file" in run(*words, f"sqlite:///{tmp_path / 'none.db'}").stderr
    assert not (tmp_path / "none.db").exists()
    assert "no address of a database" in run(*words, "bonded.db").stderr
    assert "sqlite:///PATH or postgresql" in run(*words, "mysql://host/name").stderr
    upgrade(open_database(f"sqlite:///{tmp_path / 'early.db'}"), "0020")
    assert "there is no role 'nobody-here'" in run(*words, old, "--server-role", "nobody-here").stderr
    assert "has schema 0020" in run(*words, f"sqlite:///{tmp_path / 'early.db'}").stderr
    with house.lock.held() as mine:
        assert mine
        refused = run(*words, old).exception
        assert isinstance(refused, Refusal)
        assert refused.code == "publisher-runs"
    house.lock.release()  # type: ignore[attr-defined]
    there = open_database(empty)
    assert not any(contents(there).values())
    with there.write() as tx:
        enqueue(tx, "plain", "mine", {"project": "mine"}, now=datetime.now(UTC))
    assert "not empty: there are rows in job; nothing was copied" in run(*words, old).stderr
    assert sum(map(len, contents(there).values())) == 1
    there.close()


def test_a_row_that_the_new_database_cannot_hold_ends_it_whole(
    house: House, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with house.db.write() as tx:
        tx.execute(
            insert(job).values(
                queue="plain", key="a\0b", payload={}, due=datetime.now(UTC), created_at=datetime.now(UTC)
            )
        )
    monkeypatch.setenv("BONDED_DATABASE__URL", empty)
    refused = run("migrate", "--dir", str(house.directory), "--from", old_address(house))
    assert refused.exit_code == 1
    assert "a row of job cannot be taken over: " in refused.stderr
    there = open_database(empty)
    assert not any(contents(there).values())
    there.close()


def test_the_journal_stays_insert_only_where_it_came_to(
    house: House, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BONDED_DATABASE__URL", empty)
    said("migrate", "--dir", str(house.directory), "--from", old_address(house))
    there = open_database(empty)
    with pytest.raises(Exception, match="insert-only"), there.write() as tx:
        tx.execute(text(f"DELETE FROM {journal.name}"))
    there.close()
