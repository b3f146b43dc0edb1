"""A publication as clients see it: every change becomes visible, verifiably, at once or not at all."""

from __future__ import annotations

from datetime import timedelta

import orjson

from bonded.tuf.publish import Result
from bonded.values.states import FileState
from tests.tuf.world import World


def page(world: World, key: str, client: str = "fresh") -> dict:
    data = world.client(client).get(f"simple/{key}/index.json")
    assert data is not None
    return orjson.loads(data)


def test_an_upload_becomes_a_verified_page_and_a_verified_file(world: World) -> None:
    world.upload("apple", "apple-1.0-py3-none-any.whl", b"wheel")
    outcome = world.publish()
    assert outcome.result is Result.PUBLISHED
    assert outcome.events == 2  # the project and the file
    found = page(world, "apple")
    assert [f["filename"] for f in found["files"]] == ["apple-1.0-py3-none-any.whl"]
    assert found["meta"] == {"api-version": "1.4", "_last-serial": outcome.n, "_format": 2}
    assert world.client().get("packages/apple/apple-1.0-py3-none-any.whl") == b"wheel"
    assert world.public.get("packages/apple/apple-1.0-py3-none-any.whl.metadata").data == b"Metadata-Version: 2.1\n"
    assert world.waiting() == 0


def test_yank_unyank_and_delete_follow(world: World) -> None:
    one = world.upload("apple", "apple-1.0.tar.gz")
    world.upload("apple", "apple-2.0.tar.gz")
    world.publish()
    world.yank(one, "broken <b>")
    world.publish()
    assert page(world, "apple", "returning")["files"][0]["yanked"] == "broken <b>"
    assert b'data-yanked="broken &lt;b&gt;"' in (world.client().get("simple/apple/index.html") or b"")
    world.unyank(one)
    world.publish()
    assert page(world, "apple", "returning")["files"][0]["yanked"] is False
    world.delete(one)
    world.publish()
    assert page(world, "apple", "returning")["versions"] == ["2.0"]
    assert world.client().get("packages/apple/apple-1.0.tar.gz") is None
    assert world.client("returning").get("packages/apple/apple-2.0.tar.gz") == b"bytes of apple-2.0.tar.gz"


def test_nothing_is_published_when_nothing_waits(world: World) -> None:
    world.upload("apple", "apple-1.0.tar.gz")
    first = world.publish()
    assert world.publish().result is Result.NOTHING
    assert world.client().versions == (first.n, first.n)


def test_a_held_file_appears_nowhere(world: World) -> None:
    held = world.upload("apple", "apple-1.0.tar.gz", release=False)
    world.move(held, "file.hold", FileState.HELD)
    world.publish()
    assert world.client().get("simple/apple/index.json") is None
    assert not world.public.exists("packages/apple/apple-1.0.tar.gz")


def test_the_project_list_is_rebuilt_at_most_once_a_minute(world: World) -> None:
    world.upload("apple", "apple-1.0.tar.gz")
    first = world.publish()
    world.upload("pear", "pear-1.0.tar.gz")
    world.now += timedelta(seconds=30)
    second = world.publish()
    names = [p["name"] for p in orjson.loads(world.client().get("simple/index.json") or b"")["projects"]]
    assert names == ["apple"]
    world.now += timedelta(seconds=31)
    assert world.publish().result is Result.PUBLISHED
    listed = orjson.loads(world.client().get("simple/index.json") or b"")
    assert listed["projects"] == [
        {"name": "apple", "_last-serial": first.n},
        {"name": "pear", "_last-serial": second.n},
    ]
    world.now += timedelta(seconds=61)
    assert world.publish().result is Result.NOTHING


def test_everything_stays_valid_while_time_passes_and_nothing_changes(world: World) -> None:
    world.upload("apple", "apple-1.0.tar.gz")
    world.publish()
    for _ in range(30):
        world.now += timedelta(hours=3)
        world.publish()
        assert world.client("returning").get("packages/apple/apple-1.0.tar.gz")
        later = World(world.db, world.folder, world.now + timedelta(hours=11))
        assert later.client("fresh").get("simple/apple/index.html")
