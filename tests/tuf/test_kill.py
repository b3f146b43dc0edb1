"""A real process is killed by SIGKILL at each call of a publication; the next process goes on from what is there."""

from __future__ import annotations

import os
import signal

import pytest

from bonded.db.engine import open_database
from bonded.tuf.publish import publish
from tests.tuf.faults import FaultyDatabase, FaultyStorage, Trip, strided
from tests.tuf.rounds import Rounds
from tests.tuf.world import World


def in_a_child(world: World, trip: Trip) -> int:
    """Publish in a child process that opens everything itself; returns its wait status."""
    url = world.db.engine.url.render_as_string(hide_password=False)
    child = os.fork()
    if child == 0:
        try:
            db = FaultyDatabase(open_database(url), trip)
            public = FaultyStorage(world.public, trip)
            vault = FaultyStorage(world.vault, trip, name="vault")
            publish(world.publisher(db=db, public=public, vault=vault), world.now)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


def kill_at(rounds: Rounds, stride: int) -> int:
    """One round for every `stride`-th call; returns how many children were killed."""
    killed = 0
    for at in strided(len(rounds.calls()), stride):
        rounds.change()
        status = in_a_child(rounds.world, Trip(at=at, mode="kill"))
        killed += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        rounds.witness.look()
        rounds.recover()
    return killed


def test_a_process_killed_at_a_share_of_its_calls(world: World) -> None:
    assert kill_at(Rounds.begin(world), 23) >= 4


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_process_killed_at_every_call(world: World) -> None:
    rounds = Rounds.begin(world)
    calls = len(rounds.calls())
    assert kill_at(rounds, 1) >= calls - 2
