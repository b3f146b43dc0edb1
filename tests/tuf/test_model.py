"""Random lives of an index: changes, publications that break anywhere, refreshers, rivals, clocks that step, new processes.

After every step clients see only verifiable, rising states; in the end everything acknowledged is visible.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from bonded.db.engine import Database, open_database
from bonded.tuf.claim import WrongClock
from bonded.tuf.publish import publish
from bonded.tuf.refresh import refresh
from bonded.values.states import FileState
from tests.conftest import NOW
from tests.support.postgres import PostgresServer
from tests.tuf.faults import Died, FaultyDatabase, FaultyStorage, NoLock, Trip
from tests.tuf.rounds import Rounds
from tests.tuf.witness import Witness
from tests.tuf.world import World

MODES = st.sampled_from(["failed", "done", "die"])
CALLS = st.integers(1, 140)
NAMES = st.sampled_from(["apple", "fig", "pear"])


class Life(RuleBasedStateMachine):
    """One index. `new_database` is set by the test."""

    new_database: staticmethod

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="life-"))
        self.close, db = self.new_database(self.folder)
        self.world = World.make(db, self.folder / "index", NOW)
        self.rounds = Rounds(self.world, Witness(self.world))
        self.count = 0

    @initialize()
    def first(self) -> None:
        self.add("fig")
        self.rounds.recover()

    @rule(key=NAMES)
    def add(self, key: str) -> None:
        self.count += 1
        self.rounds.upload(key, f"{key}-{self.count}.tar.gz")

    @precondition(lambda self: self.files())
    @rule(data=st.data())
    def take_away(self, data: st.DataObject) -> None:
        key, name = data.draw(st.sampled_from(self.files()))
        how = data.draw(st.sampled_from(["delete", "quarantine", "yank", "unyank"]))
        file_id, yanked = self.rounds.ids[name], self.rounds.expected[key][name]
        if how == "yank" and not yanked:
            self.world.yank(file_id, f"reason {self.count}")
            self.rounds.expected[key][name] = f"reason {self.count}"
        elif how == "unyank" and yanked:
            self.world.unyank(file_id)
            self.rounds.expected[key][name] = False
        elif how == "delete":
            self.world.delete(file_id)
            del self.rounds.expected[key][name]
        elif how == "quarantine":
            self.world.move(file_id, "review.quarantine", FileState.QUARANTINED)
            del self.rounds.expected[key][name]

    @rule()
    def publish(self) -> None:
        self.rounds.recover()

    @rule(at=CALLS, mode=MODES)
    def publish_and_break(self, at: int, mode: str) -> None:
        self.rounds.broken(Trip(at=at, mode=mode))
        self.rounds.witness.look()

    @rule(at=CALLS)
    def publish_beside_a_rival(self, at: int) -> None:
        """The lock is lost; the rival's whole publication falls between two calls of ours."""
        trip = Trip(at=at, mode="act", act=self._rival)
        self.rounds.broken(trip, lock=NoLock())
        self.rounds.witness.look()

    def _rival(self) -> None:
        publish(self.world.publisher(lock=NoLock()), self.world.now)

    @rule(at=CALLS, mode=MODES, hours=st.sampled_from([0, 5, 13]))
    def refresh_without_a_database(self, at: int, mode: str, hours: int) -> None:
        self.world.now += timedelta(hours=hours)
        trip = Trip(at=at, mode=mode)
        public = FaultyStorage(self.world.public, trip)
        p = self.world.publisher(db=FaultyDatabase(self.world.db, Trip(at=1)), public=public, lock=NoLock())
        with suppress(Exception, Died):
            refresh(p, self.world.now)
        public.lose_power()
        self.rounds.witness.forget()
        self._stay_valid()

    @rule(hours=st.sampled_from([-100_000, -1, 30, 100_000]))
    def publish_with_a_wrong_clock(self, hours: int) -> None:
        """Too early: nothing is signed. Too late: the refresher refuses; publishing is by the database's own times."""
        wrong = self.world.now + timedelta(hours=hours)
        p = self.world.publisher(lock=NoLock())
        for act in (refresh,) if hours > 0 else (refresh, publish):
            with suppress(WrongClock):
                act(p, wrong)
        self.rounds.witness.look()

    @rule(hours=st.sampled_from([1, 6, 10]))
    def wait(self, hours: int) -> None:
        self.world.now += timedelta(hours=hours)
        self._stay_valid()

    def _stay_valid(self) -> None:
        """Time never passes without somebody who keeps the index valid: that is what a refresher is for."""
        refresh(self.world.publisher(lock=NoLock()), self.world.now)
        self.rounds.witness.look()

    def files(self) -> list[tuple[str, str]]:
        return [(key, name) for key, names in sorted(self.rounds.expected.items()) for name in sorted(names)]

    def teardown(self) -> None:
        try:
            self.world.now += timedelta(seconds=61)
            self.rounds.recover()
        finally:
            self.world.db.close()
            self.close()
            shutil.rmtree(self.folder)


def sqlite_life(template: Path) -> type[Life]:
    def new(folder: Path) -> tuple[object, Database]:
        path = folder / "bonded.db"
        shutil.copy(template, path)
        return (lambda: None), open_database(f"sqlite:///{path}")

    return type("SqliteLife", (Life,), {"new_database": staticmethod(new)})


def postgres_life(server: PostgresServer) -> type[Life]:
    def new(_folder: Path) -> tuple[object, Database]:
        context = server.database()
        url = context.__enter__()
        return (lambda: context.__exit__(None, None, None)), open_database(url)

    return type("PostgresLife", (Life,), {"new_database": staticmethod(new)})


def helped(machine: type[Life]) -> type[Life]:
    """The same with processes that help in every publication."""

    def begin(self: Life) -> None:
        machine.__init__(self)
        self.world.settings = replace(self.world.settings, hands=1, least_shared=1)

    return type(f"Helped{machine.__name__}", (machine,), {"__init__": begin})


def live(machine: type[Life], lives: int, steps: int, begin: int = 0) -> None:
    """So many lives of at most so many steps each; those of one `begin` are the same in every run."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        seed(begin)(machine) if begin else machine,
        settings=settings(
            max_examples=lives, stateful_step_count=steps, deadline=None, suppress_health_check=checks, database=None
        ),
    )


def test_a_few_lives(migrated_sqlite: Path) -> None:
    live(sqlite_life(migrated_sqlite), lives=6, steps=8)


# Each slice takes minutes, and is a test of its own: a run that was interrupted goes on with the slices that are left
# (`-k begin-7`).
SLICES = pytest.mark.parametrize("begin", range(1, 11), ids=lambda begin: f"begin-{begin}")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@SLICES
def test_many_lives_on_sqlite(migrated_sqlite: Path, begin: int) -> None:
    live(sqlite_life(migrated_sqlite), lives=15, steps=25, begin=begin)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@SLICES
def test_many_lives_on_postgresql(postgres: PostgresServer, begin: int) -> None:
    live(postgres_life(postgres), lives=6, steps=20, begin=begin)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@SLICES
def test_many_lives_with_processes_that_help(migrated_sqlite: Path, begin: int) -> None:
    live(helped(sqlite_life(migrated_sqlite)), lives=6, steps=20, begin=100 + begin)
