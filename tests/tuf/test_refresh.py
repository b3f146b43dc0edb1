"""The refresher: without a database it keeps clients valid, and the next publication takes up what it wrote."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from bonded.tuf.claim import WrongClock
from bonded.tuf.publish import Result, publish
from bonded.tuf.refresh import refresh
from tests.tuf.world import World


class NoDatabase:
    """Every use of it is an error."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"the refresher used the database: {name}")


def test_a_refresher_alone_keeps_clients_valid_for_a_week(world: World) -> None:
    world.upload("apple", "apple-1.0.tar.gz")
    n = world.publish().n
    p = world.publisher(db=NoDatabase())
    for _ in range(42):
        world.now += timedelta(hours=4)
        refresh(p, world.now)
        refresh(p, world.now)
        assert world.client("returning").get("packages/apple/apple-1.0.tar.gz")
    assert world.client("returning").versions[0] > n
    p.lock.release()  # type: ignore[attr-defined]
    world.upload("apple", "apple-2.0.tar.gz")
    assert world.publish().result is Result.PUBLISHED
    page = orjson.loads(world.client("returning").get("simple/apple/index.json") or b"")
    assert page["versions"] == ["1.0", "2.0"]


def test_a_removal_that_was_flipped_but_not_settled_is_not_undone_by_a_refresh(world: World) -> None:
    """The refresher comes between the flip and the settle: both are taken up, in their order."""
    one = world.upload("apple", "apple-1.0.tar.gz")
    world.publish()
    two = world.upload("apple", "apple-2.0.tar.gz")
    p = world.publisher()
    _publish_without_settling(world, p)
    world.now += timedelta(hours=13)
    assert refresh(world.publisher(db=NoDatabase(), lock=p.lock), world.now).result is Result.PUBLISHED
    world.delete(two)
    world.delete(one)
    p.lock.release()
    world.publish()
    client = world.client("returning")
    assert client.get("packages/apple/apple-2.0.tar.gz") is None
    assert client.get("packages/apple/apple-1.0.tar.gz") is None
    assert orjson.loads(client.get("simple/apple/index.json") or b"")["files"] == []


def test_a_wrong_clock_signs_nothing(world: World) -> None:
    world.upload("apple", "apple-1.0.tar.gz")
    n = world.publish().n
    p = world.publisher()
    for wrong in (world.now - timedelta(hours=1), world.now + timedelta(days=3650)):
        with pytest.raises(WrongClock):
            refresh(p, wrong)
    world.upload("apple", "apple-2.0.tar.gz")
    with pytest.raises(WrongClock):
        publish(p, world.now - timedelta(hours=1))
    assert world.client().versions == (n, n)
    accepted = replace(p, settings=replace(p.settings, accept_clock=True))
    assert refresh(accepted, world.now + timedelta(days=3)).result is Result.PUBLISHED
    p.lock.release()  # type: ignore[attr-defined]


def test_a_clock_that_was_ahead_is_set_right(world: World) -> None:
    """Something was published while it was a week ahead: said once that it is right now, all goes on, without a wait of a week."""
    right = world.now
    world.now += timedelta(days=7)
    world.upload("apple", "apple-1.0.tar.gz")
    world.publish()
    returning = world.client("returning").versions
    world.now = right
    p = world.publisher()
    with pytest.raises(WrongClock, match="bonded tuf refresh --accept-clock"):
        publish(p, world.now)
    accepted = replace(p, settings=replace(p.settings, accept_clock=True))
    assert refresh(accepted, world.now).result is Result.PUBLISHED
    assert refresh(accepted, world.now).result is Result.NOTHING, "once is enough"
    p.lock.release()  # type: ignore[attr-defined]
    world.upload("apple", "apple-2.0.tar.gz")
    world.upload("pear", "pear-1.0.tar.gz")
    world.publish()
    client = world.client("returning")
    assert client.versions > returning
    listed = orjson.loads(client.get("simple/index.json") or b"")
    assert [one["name"] for one in listed["projects"]] == ["apple", "pear"]
    assert client.get("packages/apple/apple-2.0.tar.gz")


def _publish_without_settling(world: World, p) -> None:
    import bonded.tuf.publish as module

    kept = module._settle
    module._settle = _die
    try:
        with pytest.raises(KeyboardInterrupt):
            publish(p, world.now)
    finally:
        module._settle = kept


def _die(*_: object) -> None:
    raise KeyboardInterrupt
