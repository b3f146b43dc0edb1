"""The publisher dies anywhere while keys and bins change: nothing is lost, no client is stranded, and the change ends.

The default run breaks a share of the calls; the slow run breaks every one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bonded.tuf.publish import publish
from bonded.tuf.resize import resize
from bonded.tuf.rotate import live_offline, new_offline_keys, new_online_key
from bonded.tuf.rotate_dev import make_dev_keys
from tests.tuf.faults import Died, FaultyDatabase, FaultyStorage, Trip
from tests.tuf.world import World
from tests.tuf_rotation.changing import Changing

MODES = ("failed", "done", "die")
KINDS = ("online-key", "offline-keys", "resize")


def begin(changing: Changing, kind: str) -> None:
    world, base = changing.world, live_offline(changing.world.public).offline
    if kind == "online-key":
        changing.sign_and_begin(kind, new_online_key(base, changing.add_key(), world.now))
    elif kind == "offline-keys":
        made = make_dev_keys(world.folder / "keys", "offline", 1, 1)
        changing.sign_and_begin(kind, new_offline_keys(base, made, world.now))
    else:
        changing.sign_and_begin(kind, resize(base, 8, 8, world.now))


def broken_turn(changing: Changing, trip: Trip) -> None:
    """One call of publish in which `trip` breaks a call; then the power fails."""
    world = changing.world
    public = FaultyStorage(world.public, trip)
    p = changing.publisher(db=FaultyDatabase(world.db, trip), public=public)
    try:
        publish(p, world.now)
    except (Exception, Died):
        pass
    finally:
        trip.armed = False
        p.lock.release()  # type: ignore[attr-defined]
    public.lose_power()
    changing.witness.forget()
    changing.forget_unlisted()


def ends(changing: Changing, kind: str, mode: str, first: int) -> list[str]:
    """Break one call in every turn until the change is over; returns what was broken. The place moves with each turn."""
    begin(changing, kind)
    hit = []
    for at in range(30):
        if at % 3 == 0:
            changing.upload("fig")
        trip = Trip(at=(first + at * 7) % 61 + 1, mode=mode)
        broken_turn(changing, trip)
        hit.append(trip.hit)
        changing.look()
        changing.turn()
        if changing.state() == "done":
            break
        changing.world.now += timedelta(minutes=125)
    assert changing.state() == "done", changing.says()
    changing.all_there()
    return [name for name in hit if name]


@pytest.mark.parametrize(
    ("kind", "mode", "database"),
    [
        ("online-key", "done", "postgres_db"),
        ("offline-keys", "failed", "sqlite_db"),
        ("resize", "die", "sqlite_db"),
    ],
)
def test_a_share_of_the_calls_breaks(
    request: pytest.FixtureRequest, tmp_path: Path, now: datetime, kind: str, mode: str, database: str
) -> None:
    world = World.make(request.getfixturevalue(database), tmp_path / "index", now)
    assert len(ends(Changing.begin(world), kind, mode, 11 * KINDS.index(kind))) > 2


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_call_breaks_at_every_position(quick: Changing, kind: str, mode: str) -> None:
    """At each position of the change in turn, each call of the publication breaks."""
    begin(quick, kind)
    broken: set[tuple[int, str]] = set()
    at = -1
    for _ in range(3000):
        at += 1  # 0: the flip, by its name; calls shift a little from one publication to the next
        if not quick.world.waiting():
            quick.upload("fig")
        position, trip = quick.position(), Trip(at=at, on="" if at else "public.replace", mode=mode)
        broken_turn(quick, trip)
        quick.look()
        if trip.hit or at == 0:
            broken.add((position, trip.hit))
            continue
        at = -1  # every call of this publication was broken, or its last one came before
        quick.world.now += timedelta(minutes=70)
        if quick.state() == "done":
            break
    quick.all_there()
    assert {name for at, name in broken if name == "public.replace"}
    print(f"{kind} {mode}: {len(broken)} kinds of calls broken at {len({at for at, _ in broken})} positions")
