"""A real process is killed by SIGKILL at each call of a publication; the next process goes on from what is there."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest

from bonded.db.engine import open_database
from bonded.tuf.publish import publish
from tests.tuf.faults import FaultyDatabase, FaultyStorage, Trip, places
from tests.tuf.rounds import Rounds
from tests.tuf.world import World


def in_a_child(world: World, trip: Trip) -> int:
    """Publish in a child process that opens everything itself; returns its wait status."""
    url = world.db.engine.url.render_as_string(hide_password=False)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            db = FaultyDatabase(open_database(url), trip)
            public = FaultyStorage(world.public, trip)
            vault = FaultyStorage(world.vault, trip, name="vault")
            publish(world.publisher(db=db, public=public, vault=vault), world.now)
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def kill_at(rounds: Rounds, stride: int) -> tuple[int, int]:
    """One round for every `stride`-th call; returns how many children were killed, of how many rounds."""
    killed = 0
    tried = places(rounds.calls())[::stride]
    for name, nth in tried:
        rounds.world.now += timedelta(seconds=61)
        rounds.change()
        status = in_a_child(rounds.world, Trip(on=name, nth=nth, mode="kill"))
        rounds.witness.look()
        rounds.recover()
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            killed += 1
        else:
            assert os.WEXITSTATUS(status) == 0
    return killed, len(tried)


def test_a_process_killed_at_a_share_of_its_calls(world: World) -> None:
    killed, tried = kill_at(Rounds.begin(world), 23)
    assert killed >= tried // 2  # the reference round includes a second look, at which nothing is left to do
    assert killed >= 4


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_process_killed_at_every_call(world: World) -> None:
    killed, tried = kill_at(Rounds.begin(world), 1)
    assert killed >= tried * 2 // 3
    assert killed >= 90
