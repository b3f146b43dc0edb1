"""A mirror while keys are rotated and the number of bins changes: it follows step by step, and agrees with one that begins
afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bonded.db.engine import Database
from bonded.tuf.resize import resize
from bonded.tuf.rotate import live_offline, new_online_key
from bonded_client.fetcher import Deadlines, Fetcher, Proxies
from bonded_client.index import Index
from bonded_client.trust import Trust
from tests.client.server import serving
from tests.client_mirror.conftest import Folder, Mirror, tree
from tests.tuf.world import World
from tests.tuf_rotation.changing import Changing


@pytest.fixture
def changing(sqlite_db: Database, tmp_path: Path) -> Changing:
    return Changing.begin(World.make(sqlite_db, tmp_path / "index", datetime.now(UTC).replace(microsecond=0)))


@pytest.fixture
def world(changing: Changing) -> World:
    return changing.world


def test_bins_of_another_generation(mirror: Mirror, changing: Changing, tmp_path: Path) -> None:
    world = changing.world
    assert mirror(tmp_path / "m").status == 0
    world.settings = replace(world.settings, refresh_slice=9)
    changing.sign_and_begin("resize", resize(live_offline(world.public).offline, 8, 16, world.now))
    for _ in changing.rounds():
        ran = mirror(tmp_path / "m", "--once", "--grace", 1000)
        assert (ran.status, ran.err) == (0, "")
        assert mirror(tmp_path / "m", "--check").out == ""
    names = tree(tmp_path / "m")
    assert [name for name in names if ".bin-2-" in name]
    assert [name for name in names if ".bin-1-" in name], "clients of the state before may still come"
    assert mirror(tmp_path / "m", "--once", "--grace", 0).status == 0
    assert mirror(tmp_path / "second").status == 0
    assert tree(tmp_path / "second") == tree(tmp_path / "m")
    assert not [name for name in tree(tmp_path / "m") if ".bin-1-" in name]


def test_a_new_online_key_and_root(mirror: Mirror, changing: Changing, tmp_path: Path) -> None:
    """Clients of the mirror walk to the new root as those of the index do, at every step."""
    world = changing.world
    base = live_offline(world.public).offline
    changing.sign_and_begin("online-key", new_online_key(base, changing.add_key(), world.now))
    root = (world.folder / "keys/root.json").read_bytes()
    for at in changing.rounds():
        ran = mirror(tmp_path / "m", "--once", "--grace", 1000)
        assert (ran.status, ran.err) == (0, "")
        fetcher = Fetcher(Deadlines(), Proxies())
        with serving(Folder(tmp_path / "m")) as upstream:
            for client in ("returning", f"new-{at}"):
                trust = Trust(Index.at(upstream.url), root, tmp_path / client, fetcher)
                assert trust.read("simple/fig/index.json") is not None
        fetcher.close()
    assert "metadata/2.root.json" in tree(tmp_path / "m")
    assert mirror(tmp_path / "m", "--check").status == 0
