"""A real process is killed by SIGKILL at each call of a publication; the next process goes on from what is there."""

from __future__ import annotations

import os
import signal
from itertools import count

import pytest

from bonded.db.engine import open_database
from bonded.tuf.publish import publish
from tests.tuf.faults import FaultyDatabase, FaultyStorage, Trip
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


def kill_at(rounds: Rounds, stride: int) -> int:
    """One round for every `stride`-th call, until a child lives to its end; returns how many were killed."""
    for killed, at in enumerate(count(1, stride)):
        rounds.change()
        status = in_a_child(rounds.world, Trip(at=at, mode="kill"))
        rounds.witness.look()
        rounds.recover()
        if not os.WIFSIGNALED(status):
            assert os.WEXITSTATUS(status) == 0
            return killed
        assert os.WTERMSIG(status) == signal.SIGKILL
    raise AssertionError


def test_a_process_killed_at_a_share_of_its_calls(world: World) -> None:
    assert kill_at(Rounds.begin(world), 23) >= 4


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_process_killed_at_every_call(world: World) -> None:
    rounds = Rounds.begin(world)
    assert (
        kill_at(rounds, 1) >= len(rounds.calls()) - 2
    )  # the child's last calls may be fewer: it has no list to look at
