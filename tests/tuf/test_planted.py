"""Each rule that keeps a publication safe is taken away once, and the same suite that passes with it must fail.

A rival is another publisher process that makes a whole publication while ours is between two of its calls.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from tuf.api.exceptions import DownloadError, RepositoryError

import bonded.tuf.claim
import bonded.tuf.publish
from bonded.tuf.outcome import Result
from bonded.tuf.publish import publish
from bonded.tuf.refresh import refresh
from bonded.tuf.trust import Untrusted
from tests.tuf.faults import FaultyStorage, NoBarrier, NoLock, Trip
from tests.tuf.rounds import Rounds
from tests.tuf.world import World

STRIDE = 19
SEEN = (AssertionError, RepositoryError, DownloadError, Untrusted)
"""How a client, the witness or the next publisher notices."""


def rival(rounds: Rounds, seen: list[Result], **parts: object) -> None:
    """Another process publishes, if it may, while ours stands still."""
    name = f"rival-{rounds.number}.tar.gz"
    rounds.upload("rival", name)
    p = rounds.world.publisher(**parts)
    try:
        seen.append(publish(p, rounds.world.now).result)
        rounds.witness.look()
    finally:
        release = getattr(p.lock, "release", None)
        if release is not None:
            release()


def with_rivals(rounds: Rounds, *, conditional: bool, locked: bool, stride: int = STRIDE) -> list[Result]:
    """A rival between the calls of each round; returns what the rivals achieved."""
    seen: list[Result] = []
    store: Callable[..., FaultyStorage] = partial(FaultyStorage, conditional=conditional)
    own = {} if locked else {"lock": NoLock()}
    for at in count(1, stride):
        trip = Trip(at=at, mode="act", act=lambda: rival(rounds, seen, **own))
        rounds.round(trip, public=store(rounds.world.public, trip), **own)
        if not trip.hit:
            return seen
    raise AssertionError


def losing_power(rounds: Rounds, stride: int = STRIDE) -> None:
    """Each round dies at one call, and what was not synced is lost."""
    for at in count(1, stride):
        trip = Trip(at=at, mode="die")
        rounds.round(trip)
        if not trip.hit:
            return


def test_with_the_lock_a_rival_waits_even_where_the_flip_has_no_condition(sqlite_world: World) -> None:
    seen = with_rivals(Rounds.begin(sqlite_world), conditional=False, locked=True)
    assert set(seen) <= {Result.BUSY, Result.PUBLISHED, Result.NOTHING}
    assert seen.count(Result.BUSY) >= len(seen) - 2  # before the first call of ours the lock is free


def test_without_the_lock_the_condition_of_the_flip_keeps_it_right(sqlite_world: World) -> None:
    seen = with_rivals(Rounds.begin(sqlite_world), conditional=True, locked=False)
    assert Result.PUBLISHED in seen


def just_before_the_flip(rounds: Rounds, *, conditional: bool, locked: bool) -> list[Result]:
    """A rival publishes after everything of ours was put and before our flip."""
    seen: list[Result] = []
    own = {} if locked else {"lock": NoLock()}
    trip = Trip(on="public.replace", mode="act", act=lambda: rival(rounds, seen, **own))
    rounds.round(trip, public=FaultyStorage(rounds.world.public, trip, conditional=conditional), **own)
    return seen


def test_planted_no_condition(sqlite_world: World) -> None:
    """The lock is lost (a paused host, a failed-over database): the flip's condition alone keeps it right."""
    rounds = Rounds.begin(sqlite_world)
    assert just_before_the_flip(rounds, conditional=True, locked=False) == [Result.PUBLISHED]
    with pytest.raises(SEEN):
        just_before_the_flip(rounds, conditional=False, locked=False)


def test_planted_no_lock(sqlite_world: World) -> None:
    """Where the store has no conditions, only the lock stands between two publishers."""
    rounds = Rounds.begin(sqlite_world)
    assert just_before_the_flip(rounds, conditional=False, locked=True) == [Result.BUSY]
    with pytest.raises(SEEN):
        just_before_the_flip(rounds, conditional=False, locked=False)


def test_planted_no_barrier(sqlite_world: World) -> None:
    rounds = Rounds.begin(sqlite_world)
    rounds.round(Trip(on="public.replace", mode="done"))
    rounds.store = NoBarrier
    with pytest.raises(SEEN):
        rounds.round(Trip(on="public.replace", mode="done"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("conditional", "locked"), [(True, False), (False, True)])
def test_a_rival_between_any_two_calls(world: World, conditional: bool, locked: bool) -> None:
    with_rivals(Rounds.begin(world), conditional=conditional, locked=locked, stride=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_power_lost_after_any_call(world: World) -> None:
    losing_power(Rounds.begin(world), stride=1)


def test_an_overtaken_publisher_does_not_settle_over_its_rival(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours flipped and stands still; a rival settles it and publishes the next one; then ours goes on."""
    rounds, seen = Rounds.begin(sqlite_world), list[Result]()
    real = bonded.tuf.publish._settle

    def late(*args: Any) -> None:
        monkeypatch.setattr(bonded.tuf.publish, "_settle", real)
        rival(rounds, seen, lock=NoLock())
        real(*args)

    rounds.change()
    monkeypatch.setattr(bonded.tuf.publish, "_settle", late)
    rounds.broken(Trip(), lock=NoLock())
    assert seen == [Result.PUBLISHED]
    rounds.recover()


def test_an_overtaken_publisher_does_not_adopt_over_its_rival(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresher was here; ours reads its bins, a rival adopts them and publishes, then ours would write what it read."""
    rounds, seen = Rounds.begin(sqlite_world), list[Result]()
    sqlite_world.now += timedelta(hours=13)
    refresh(sqlite_world.publisher(lock=NoLock()), sqlite_world.now)
    real = bonded.tuf.claim.adopt

    def late(*args: Any, **named: Any) -> None:
        monkeypatch.setattr(bonded.tuf.claim, "adopt", real)
        rival(rounds, seen, lock=NoLock())
        real(*args, **named)

    rounds.change()
    monkeypatch.setattr(bonded.tuf.claim, "adopt", late)
    p = sqlite_world.publisher(lock=NoLock())
    assert publish(p, sqlite_world.now).result is Result.BURNED
    assert seen == [Result.PUBLISHED]
    rounds.recover()
