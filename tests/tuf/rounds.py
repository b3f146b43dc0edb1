"""Rounds on one living index: new changes each time, a publication that breaks, a recovery, and a full check."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bonded.tuf.publish import Result, publish
from tests.tuf.faults import Died, FaultyDatabase, FaultyStorage, Trip
from tests.tuf.witness import Witness
from tests.tuf.world import World


@dataclass
class Rounds:
    """One index whose expected content is known. `store` is the class of faulty store to use."""

    world: World
    witness: Witness
    expected: dict[str, dict[str, str | bool]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    number: int = 0
    store: type[FaultyStorage] = FaultyStorage

    @classmethod
    def begin(cls, world: World) -> Rounds:
        """An index with a few public files, published."""
        rounds = cls(world, Witness(world))
        rounds.upload("fig", "fig-0.tar.gz")
        rounds.upload("pear", "pear-0.tar.gz")
        rounds.recover()
        rounds.change()
        rounds.recover()
        return rounds

    def upload(self, key: str, filename: str) -> None:
        self.ids[filename] = self.world.upload(key, filename)
        self.expected.setdefault(key, {})[filename] = False

    def change(self) -> None:
        """Acknowledged changes of every kind: a new file, a yank or its end, a removal."""
        self.number += 1
        n = self.number
        self.upload("fig", f"fig-{n}.tar.gz")
        self.world.delete(self.ids[f"fig-{n - 1}.tar.gz"])
        del self.expected["fig"][f"fig-{n - 1}.tar.gz"]
        if n % 2:
            self.world.yank(self.ids["pear-0.tar.gz"], f"reason {n}")
        else:
            self.world.unyank(self.ids["pear-0.tar.gz"])
        self.expected["pear"]["pear-0.tar.gz"] = f"reason {n}" if n % 2 else False

    def broken(self, trip: Trip, **parts: Any) -> None:
        """A publisher process in which `trip` breaks a call; then the power fails."""
        db = FaultyDatabase(self.world.db, trip)
        public = parts.pop("public", None) or self.store(self.world.public, trip)
        vault = FaultyStorage(self.world.vault, trip, name="vault")
        p = self.world.publisher(db=db, public=public, vault=vault, **parts)
        for _ in range(3):
            try:
                outcome = publish(p, self.world.now)
            except (Exception, Died):
                break
            if outcome.result is Result.NOTHING:
                break
            trip.armed = False
            self.witness.look()  # clients may look at any moment, before the publisher finds out what it did
            trip.armed = True
        trip.armed = False
        release = getattr(p.lock, "release", None)
        if release is not None:
            release()
        public.lose_power()
        self.witness.forget()

    def calls(self) -> list[str]:
        """The names of all calls of one round in which nothing breaks; the project list is due in it."""
        self.world.now += timedelta(seconds=61)
        self.change()
        trip = Trip()
        self.broken(trip)
        self.recover()
        return trip.calls

    def round(self, trip: Trip, **parts: Any) -> None:
        """Changes, a break, what clients see then, a new process, and everything must be there."""
        self.world.now += timedelta(seconds=61)
        self.change()
        self.broken(trip, **parts)
        self.witness.look()
        self.recover()

    def recover(self) -> None:
        """A new process publishes what waits."""
        self.world.publish()
        self.witness.settled(self.expected)
