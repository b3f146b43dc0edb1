"""Purger (seams) where no cache stands in front, or where caches only live by their time to live."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from bonded.seams import Shown


class NoPurger:
    """Nothing to purge: always confirmed. `lasting` is the time to live of files in caches that may be there."""

    active = False
    caches: tuple[str, ...] = ()

    def __init__(self, lasting: timedelta = timedelta(0)) -> None:
        self.lasting = lasting

    def purge(self, keys: Iterable[str]) -> None:
        """Done."""

    def show(self, paths: Iterable[str], *, whole: bool) -> list[Shown]:
        """Nobody to ask."""
        return []
