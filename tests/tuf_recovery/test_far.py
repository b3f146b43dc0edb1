"""Stores that are some way off are asked side by side when everything is read: by fsck, by recoveries, by restores; and when an
index is made."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from bonded.catalog.tables import file
from bonded.db.engine import Database
from bonded.ops.restore import reissue
from bonded.seams import NotStored
from bonded.tuf.base import read_base
from bonded.tuf.compare import compare
from bonded.tuf.pack_jobs import pack_days
from bonded.tuf.packs import Records, chain
from bonded.tuf.roles import changes_name
from bonded.tuf.sweep import sweep
from tests.tuf_ops.far import WAIT, Far
from tests.tuf_recovery.conftest import Databases
from tests.tuf_recovery.house import House

PROJECTS = [f"p{n}" for n in range(16)]


@dataclass
class Distant:
    """An index whose two stores are far."""

    house: House
    public: Far
    vault: Far

    def forget(self) -> None:
        """What was asked so far."""
        self.public.most.clear()
        self.vault.most.clear()


def made(tmp_path: Path, db: Database, now: datetime, wait: float) -> Distant:
    folder = tmp_path / "index"
    public, vault = Far(folder / "public"), Far(folder / "vault")
    public.wait = vault.wait = wait
    house = House(folder, db, now, bucket=public, safe=vault)
    public.wait = vault.wait = WAIT
    return Distant(house, public, vault)


@pytest.fixture
def distant(tmp_path: Path, sqlite_db: Database, now: datetime) -> Distant:
    return made(tmp_path, sqlite_db, now, 0)


@pytest.fixture
def filled(distant: Distant) -> Distant:
    distant.public.wait = distant.vault.wait = 0
    for key in PROJECTS:
        distant.house.upload(key)
    distant.house.settle_everything()
    distant.public.wait = distant.vault.wait = WAIT
    distant.forget()
    return distant


def test_a_new_index(tmp_path: Path, sqlite_db: Database, now: datetime) -> None:
    distant = made(tmp_path, sqlite_db, now, WAIT)
    assert 3 < distant.public.most["create"] <= 8


def test_fsck(filled: Distant) -> None:
    assert filled.house.findings() == []
    assert min(filled.public.most["open"], filled.public.most["get"], filled.vault.most["open"]) > 3
    assert max(*filled.public.most.values(), *filled.vault.most.values()) <= 8


def test_fsck_tells_in_order(filled: Distant) -> None:
    with filled.house.db.read() as conn:
        rows = conn.execute(select(file.c.filename, file.c.vault_key).order_by(file.c.id)).all()
    for row in rows:
        filled.vault.delete(row.vault_key)
    told = [line for line in filled.house.findings() if "vault-missing" in line]
    assert [next(row.filename for row in rows if row.filename in line) for line in told] == [r.filename for r in rows]


def test_comparing(filled: Distant) -> None:
    assert compare(filled.public).difference.empty
    assert 3 < filled.public.most["get"] <= 8


def test_a_database_that_was_lost(filled: Distant, databases: Databases) -> None:
    house = filled.house
    before = house.catalogue()
    lost = house.on(databases.empty(house.db))
    filled.forget()
    lost.recover()
    assert lost.catalogue() == before
    assert min(filled.vault.most["get"], filled.public.most["get"]) > 3
    assert lost.findings() == []


def test_an_upload_that_no_row_names(filled: Distant, databases: Databases) -> None:
    for n in range(8):
        filled.house.upload(f"waiting-{n}", public=False)
    lost = filled.house.on(databases.empty(filled.house.db))
    filled.forget()
    assert lost.recover().replayed.uploads == 8
    assert filled.vault.most["get"] > 3


def test_a_restore_in_place(filled: Distant) -> None:
    house = filled.house
    for path in (house.folder / "public/packages").rglob("*.whl"):
        path.unlink()
    for path in (house.folder / "public/simple").rglob("*.index.*"):
        path.unlink()
    filled.forget()
    house.publisher.lock.release()  # type: ignore[attr-defined]
    done = reissue(house.new_publisher(), lambda: house.now, progress=lambda _: None)
    assert (done.files, done.missing) == (len(PROJECTS), [])
    house.work()
    assert house.findings() == []
    assert min(filled.public.most["open"], filled.public.most["create"], filled.vault.most["open"]) > 3
    assert max(*filled.public.most.values(), *filled.vault.most.values()) <= 8


def test_the_record_is_read_along(distant: Distant) -> None:
    """Backwards and forwards, across a number that is missing, and nothing is asked for twice."""
    house, asked = distant.house, list[str]()
    for n in range(20):
        house.upload("p", f"{n}.0")
        house.publish()
        house.wait(seconds=3)
    real = distant.public.get
    base, get = read_base(distant.public), lambda name: asked.append(name) or real(name)
    distant.public.get = get  # type: ignore[method-assign]
    distant.forget()
    links = list(chain(distant.public, base))
    assert len(links) > 20
    assert 3 < distant.public.most["get"] <= 8
    assert max(asked.count(name) for name in asked) == 1
    asked.clear()
    records = Records(distant.public)
    for link in links[::-1]:
        if link.n % 7:
            assert records.link(link.n, link.sha256) == link
    assert max(asked.count(name) for name in asked) == 1


def test_one_record_is_read_alone(distant: Distant) -> None:
    house = distant.house
    house.upload("p")
    house.publish()
    base = read_base(distant.public)
    distant.forget()
    assert Records(distant.public).link(base.n, base.changes).n == base.n
    assert distant.public.most == {"get": 1}


def test_packed_records_are_asked_for_once_at_most(distant: Distant) -> None:
    house = distant.house
    for n in range(6):
        house.upload("p", f"{n}.0")
        house.settle_everything()
        house.wait(minutes=1)
    numbers = [link.n for link in chain(distant.public, read_base(distant.public))]
    for path in (house.folder / "public/publications").iterdir():
        os.utime(path, (house.now.timestamp(),) * 2)
    house.wait(days=4)
    house.upload("p", "later")
    house.settle_everything()
    pack_days(house.publisher, house.now)
    house.wait(days=2)
    sweep(house.publisher, house.now)
    asked = list[str]()
    real = distant.public.get
    distant.public.get = lambda name: asked.append(name) or real(name)  # type: ignore[method-assign]
    found = [link.n for link in chain(distant.public, read_base(distant.public))]
    assert found[-len(numbers) :] == numbers
    packed = [n for n in numbers if not distant.public.exists(changes_name(n))]
    assert len(packed) > 4
    missed = [name for name in asked if name in map(changes_name, packed)]
    assert len(missed) <= len(set(missed))
    with pytest.raises(NotStored):
        real(changes_name(packed[-1]))
