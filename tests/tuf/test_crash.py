"""Every call to a store or the database fails in turn, reported rightly and wrongly; nothing is lost or seen half.

The default run breaks a share of the calls on each database; the slow run breaks every single one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

import bonded.tuf.pages
from tests.tuf.faults import Trip, places, strided
from tests.tuf.rounds import Rounds
from tests.tuf.world import World

MODES = ("failed", "done", "die")


def break_calls(rounds: Rounds, mode: str, stride: int, first: int = 0) -> list[str]:
    """Break every `stride`-th call of a round, one round each; returns the names of those that broke."""
    broken: list[str] = []
    for name, nth in places(rounds.calls())[first::stride]:
        trip = Trip(on=name, nth=nth, mode=mode)
        rounds.round(trip)
        if trip.hit:
            broken.append(trip.hit)
    return broken


@pytest.mark.parametrize("mode", MODES)
def test_a_share_of_the_calls_fails(world: World, mode: str) -> None:
    rounds = Rounds.begin(world)
    stride, first = (12 if world.db.dialect == "sqlite" else 24), MODES.index(mode) * 3
    broken = break_calls(rounds, mode, stride, first)
    assert len(broken) >= (len(rounds.calls()) - first) // stride - 1  # the journal's tree asks a little more or less
    assert {name.partition(".")[0] for name in broken} >= {"db", "public"}


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("mode", MODES)
def test_every_single_call_fails(world: World, mode: str) -> None:
    rounds = Rounds.begin(world)
    calls = rounds.calls()
    broken = break_calls(rounds, mode, 1)
    assert set(broken) == set(calls), "each kind of call was broken"
    assert len(broken) >= len(calls) - 6, "nearly each single one: the journal's tree asks a little more or less"
    print(f"{world.db.dialect} {mode}: {len(broken)} of {len(calls)} calls broken, one round each")


def test_the_calls_are_those_that_the_steps_make(world: World) -> None:
    """So that a step that stops calling its barrier or its flip is noticed."""
    calls = Rounds.begin(world).calls()
    flip, barrier = calls.index("public.replace"), calls.index("public.barrier")
    opened = next(i for i, name in enumerate(calls) if name.startswith("db.INSERT INTO publication"))
    first_put = next(i for i, name in enumerate(calls) if name == "public.create")
    last_put = max(i for i, name in enumerate(calls[:flip]) if name in ("public.create", "public.put", "public.copy"))
    assert opened < first_put < last_put < barrier < flip
    assert calls.count("public.replace") == 1
    assert "db.DELETE FROM to_publish" in calls[flip:]


def test_other_code_takes_up_after_a_crash(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version renders pages otherwise and signs for other lifetimes: nothing of the old attempt is completed."""
    rounds = Rounds.begin(world)
    for at in strided(len(rounds.calls()), 19):
        rounds.change()
        rounds.broken(Trip(at=at, mode="die"))
        monkeypatch.setattr(bonded.tuf.pages, "API", f"1.{4 + at}")
        world.settings = replace(world.settings, lifetime=timedelta(hours=20 + at % 5))
        rounds.recover()
