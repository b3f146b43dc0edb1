"""Stores and databases that were restored from an older state."""

from __future__ import annotations

import shutil

import orjson
import pytest

from bonded.tuf.claim import Behind
from bonded.tuf.publish import Result, publish
from bonded.tuf.refresh import refresh
from bonded.tuf.tables import publication
from tests.tuf.world import HOUR, World


def test_an_older_store_gets_everything_again(world: World) -> None:
    world.upload("apple", "apple-1.0.tar.gz")
    first = world.publish().n
    shutil.copytree(world.folder / "public", world.folder / "backup")
    for i in range(3):
        world.upload("pear", f"pear-{i}.0.tar.gz")
    gone = world.upload("fig", "fig-1.0.tar.gz")
    world.publish()
    world.delete(gone)
    last = world.publish().n
    shutil.rmtree(world.folder / "public")
    (world.folder / "backup").rename(world.folder / "public")
    assert world.client().versions[0] == first
    assert world.publish().n > last
    client = world.client()
    assert client.get("packages/pear/pear-2.0.tar.gz") == b"bytes of pear-2.0.tar.gz"
    assert client.get("packages/fig/fig-1.0.tar.gz") is None
    assert orjson.loads(client.get("simple/pear/index.json") or b"")["versions"] == ["0.0", "1.0", "2.0"]
    assert world.publish().result is Result.NOTHING


def test_a_database_that_does_not_know_what_is_live_publishes_nothing(sqlite_world: World) -> None:
    world = sqlite_world
    world.upload("apple", "apple-1.0.tar.gz")
    world.publish()
    path = world.db.engine.url.database
    assert path
    world.db.close()
    shutil.copy(path, f"{path}.backup")
    world.upload("pear", "pear-1.0.tar.gz")
    live = world.publish().n
    world.db.close()
    for suffix in ("-wal", "-shm"):
        (world.folder.parent / f"bonded.db{suffix}").unlink(missing_ok=True)
    shutil.copy(f"{path}.backup", path)
    world.upload("fig", "fig-1.0.tar.gz")
    p = world.publisher()
    with pytest.raises(Behind):
        publish(p, world.now)
    assert world.client().versions[0] == live
    world.now += HOUR * 11
    assert refresh(p, world.now).result is Result.PUBLISHED
    assert world.client("returning").get("packages/pear/pear-1.0.tar.gz")
    with pytest.raises(Behind):
        publish(p, world.now)


def test_numbers_rise_above_the_head_the_store_the_signer_and_the_clock(world: World) -> None:
    p = world.publisher()
    world.upload("apple", "apple-1.0.tar.gz")
    clock = int(world.now.timestamp() * 10)
    first = publish(p, world.now).n
    assert first == clock
    world.upload("apple", "apple-2.0.tar.gz")
    assert publish(p, world.now).n == first + 1  # only the first number of a process looks at the clock
    p.signer.reserve(first + 1000, "elsewhere")
    world.upload("apple", "apple-3.0.tar.gz")
    assert publish(p, world.now).n == first + 1001
    with world.db.write() as tx:
        tx.execute(publication.metadata.tables["publication_head"].update().values(head=first + 5000))
    world.upload("apple", "apple-4.0.tar.gz")
    assert publish(p, world.now).n == first + 5000
