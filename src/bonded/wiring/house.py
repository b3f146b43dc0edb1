"""A House: everything that runs on one data directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bonded.settings import load
from bonded.wiring.answers import Answers
from bonded.wiring.jobs import Jobs


@dataclass(frozen=True)
class House(Answers, Jobs):
    """Everything that runs on one data directory. One per process: call `forked()` first in every child.

    Each part is made when it is first asked for, so a command pays only for what it uses.
    """


def open_house(directory: Path) -> House:
    """The House of an existing data directory. Raises SettingsError."""
    from bonded.checks.outside import provide

    directory = directory.absolute()
    house = House(directory, load(directory))
    provide(house.outside)
    return house
