"""A House: everything that runs on one data directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bonded.settings import SettingsError, load
from bonded.wiring.answers import Answers
from bonded.wiring.jobs import Jobs


@dataclass(frozen=True)
class House(Answers, Jobs):
    """Everything that runs on one data directory. One per process: call `forked()` first in every child.

    Each part is made when it is first asked for, so a command pays only for what it uses.
    """


UNFINISHED = ".init-unfinished"
"""A file that lies in a data directory while `bonded init` makes it, and stays when that is killed."""


def open_house(directory: Path, *, making: bool = False) -> House:
    """The House of an existing data directory. Raises SettingsError.

    One that was not made to its end is for `bonded init` alone (`making`): so nothing of worth is ever in it.
    """
    from bonded.checks.outside import provide

    directory = directory.absolute()
    if not making and (directory / UNFINISHED).exists():
        raise SettingsError(
            f"{directory} is not made to its end: wait for its `bonded init`, or run that again if it was stopped"
        )
    house = House(directory, load(directory))
    provide(house.outside)
    return house
