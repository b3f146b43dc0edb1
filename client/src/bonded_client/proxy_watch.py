"""How fresh the proxy's state is, and what an outage means: one poll for all requests, and a grace when nobody answers.

A state checked less than `fresh` seconds ago is used as it is; up to `stale` seconds a poll runs beside the request; an
older one is polled first. An index out of reach is excused for the grace, with what was verified last and has not
expired. What is wrongly signed or rolled back is never excused: requests are refused until a poll finds the index well.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bonded_client.failures import Failure, understood
from bonded_client.trust import HOLD

_EXCUSED = frozenset({"index-unreachable", "index-error", "slow"})
_REMIND = 600.0
FLIP = 1.0
"""A shared cache may keep the timestamp for 1-2 s: no sooner is it asked again for what it names and nobody has."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `patience`: how long a request waits for a poll while the older state could still be used."""

    fresh: float = 10.0
    stale: float = 60.0
    retry: float = 2.0
    patience: float = 5.0
    grace: float = 3600.0
    hold: float = HOLD


class Watched(Protocol):
    """What is kept fresh."""

    def poll(self, *, again: bool) -> None:
        """Ask the index whether there is news, `again` also when its timestamp says that there is none. Raises Failure."""

    def recall(self) -> None:
        """Go by what was seen last, verified again, asking nobody. Raises Failure."""

    def until(self) -> float:
        """When the state that is held expires, in seconds since 1970; 0 when none is."""


class Watch:
    """When to poll, and whether a request may go on. For many threads."""

    def __init__(
        self, watched: Watched, contact: Path, timing: Timing, note: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        """`contact` is a file whose time says when the index was last reached; `note` tells the person something."""
        self._watched, self._contact, self._timing, self._note, self._clock = watched, contact, timing, note, clock
        self._starting, self._polling = threading.Lock(), threading.Lock()
        self._ended = threading.Event()
        self._ended.set()
        self._checked = 0.0
        self._failure: Failure | None = None
        self._reminded: float | None = None

    @property
    def away(self) -> bool:
        """Whether the index is out of reach and its last verified state is used."""
        return self._reminded is not None

    def check(self) -> None:
        """Have a state that is fresh enough. Raises Failure when there is none to use."""
        age = self._clock() - self._checked
        if self._failure is None and 0 <= age < self._timing.fresh:
            return
        if self._failure is not None and 0 <= age < self._timing.retry:
            raise self._failure
        ended = self._begin()
        usable = self._failure is None and self._clock() < self._watched.until()
        if not (usable and (self.away or 0 <= age < self._timing.stale)):
            ended.wait(self._timing.patience if usable else None)
        if self._failure is not None:
            raise self._failure

    def begin_again(self) -> None:
        """Something that the state names is gone: renew it. Raises Failure."""
        asked = self._clock()
        time.sleep(FLIP)
        with self._polling:
            if self._checked < asked or self._failure is not None:
                self._attempt(again=True)
        if self._failure is not None:
            raise self._failure

    def _begin(self) -> threading.Event:
        """Start a poll unless one runs; the event is set when it has ended."""
        with self._starting:
            if self._ended.is_set():
                self._ended = threading.Event()
                threading.Thread(target=self._run, args=(self._ended,), name="bonded-client-poll", daemon=True).start()
            return self._ended

    def _run(self, ended: threading.Event) -> None:
        try:
            with self._polling:
                self._attempt(again=False)
        finally:
            ended.set()

    def _attempt(self, *, again: bool) -> None:
        try:
            self._watched.poll(again=again)
        except Exception as error:
            self._failure = self._judge(understood(error, "the timestamp"))
        else:
            self._failure = None
            self._reached()
        self._checked = self._clock()

    def _reached(self) -> None:
        with suppress(OSError):  # without it, only the grace of the next start is shorter
            self._contact.touch()
            os.utime(self._contact, (self._clock(), self._clock()))
        if self._reminded is not None:
            self._reminded = None
            self._note("The index is within reach again.")

    def _judge(self, failure: Failure) -> Failure | None:
        """`failure`, or None when it is excused; then the person was told."""
        if failure.code not in _EXCUSED:
            return failure
        now, reached = self._clock(), self._last_contact()
        if reached is None:
            return failure
        if now - reached > self._timing.grace:
            return Failure(
                failure.code,
                f"{failure.sentence} It was last reached {spell(now - reached)} ago, and the offline grace is "
                f"{spell(self._timing.grace)}.",
            )
        try:
            if now >= self._watched.until():
                self._watched.recall()
        except Failure as other:
            return other
        if self._reminded is None or now - self._reminded > _REMIND:
            self._reminded = now
            left = min(reached + self._timing.grace, self._watched.until()) - now
            self._note(
                f"OFFLINE: {failure.sentence} What was verified last is used for {spell(left)} more at the most."
            )
        return None

    def _last_contact(self) -> float | None:
        try:
            return min(self._contact.stat().st_mtime, self._clock())
        except OSError:
            return None


def spell(seconds: float) -> str:
    """A duration for people: "45 s", "12 min", "5 h"."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
