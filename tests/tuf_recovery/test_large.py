"""The drill and a lost database with more of everything: hundreds of projects, dozens of bins, a record of many days."""

from __future__ import annotations

import random
import resource
import time

import pytest

from bonded.db.engine import Database
from bonded.tuf.compare import since
from bonded.tuf.layout import create_dev_repository
from bonded.values.states import FileState
from tests.tuf_recovery.attacker import Attacker
from tests.tuf_recovery.conftest import Databases
from tests.tuf_recovery.house import House
from tests.tuf_recovery.test_drill import rekeyed

pytestmark = pytest.mark.slow

PROJECTS, BITS = 300, 6


@pytest.fixture
def large(tmp_path, sqlite_db: Database, now) -> House:
    """64 page bins, 64 file bins, 300 projects in 15 publications; every seventh file withdrawn again."""
    folder = tmp_path / "index"
    from bonded.adapters.storage_files import FileStorage

    create_dev_repository(FileStorage(folder / "public"), folder / "keys", page_bins=64, bins=64, now=now)
    house = House(folder, sqlite_db, now)
    house.add_owner()
    for start in range(0, PROJECTS, 20):
        ids = [house.upload(f"project-{n}") for n in range(start, start + 20)]
        house.publish()
        house.wait(hours=6)
        for file_id in ids[::7]:
            house.move("review.quarantine", file_id, FileState.QUARANTINED)
        house.settle_everything()
    return house


def path(n: int) -> str:
    return f"packages/project-{n}/project_{n}-1.0-py3-none-any.whl"


def test_the_drill_at_size(large: House) -> None:
    house, chosen = large, random.Random(7)
    good = house.live()
    house.client("returning")
    public = [n for n in range(PROJECTS) if n % 20 % 7]
    changed, removed = chosen.sample(public[::2], 40), chosen.sample(public[1::2], 40)
    targets: dict[str, bytes | None] = {path(n): b"other" for n in changed} | {path(n): None for n in removed}
    targets |= {f"packages/evil-{n}/evil_{n}-1.0-py3-none-any.whl": b"evil" for n in range(40)}
    Attacker(house.folder / "public", house.key(), house.now, BITS, "empty").attack(10**9, targets)
    assert house.client("returning").get(path(changed[0])) == b"other"
    _, found = since(house.public, good)
    assert set(found.changed) == {path(n) for n in changed}
    assert set(found.removed) == {path(n) for n in removed}
    assert len(found.added) == 40
    began = time.monotonic()
    house.recover(good, new=rekeyed(house))
    assert time.monotonic() - began < 15 * 60, "a drill takes at most a quarter of an hour"
    for name in ("returning", "new"):
        client = house.client(name)
        for n in (*changed[:5], *removed[:5]):
            assert client.get(path(n)) == f"bytes of project_{n}-1.0-py3-none-any.whl".encode()
        assert client.get("packages/evil-0/evil_0-1.0-py3-none-any.whl") is None
        assert client.get(path(0)) is None
    assert house.findings() == []


def test_a_lost_database_at_size(large: House, databases: Databases) -> None:
    before = large.catalogue()
    lost = large.on(databases.empty(large.db))
    done = lost.recover()
    assert done.replayed.files == PROJECTS
    assert lost.catalogue() == before
    assert lost.findings() == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_000_000
