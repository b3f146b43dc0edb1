"""Counting, over all processes of a data directory: each process writes its own small file, /metrics adds them up.

Before `start()` figures are kept in this process alone (commands, tests). A process that dies leaves its counters to the
sum; its levels go.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from bonded.telemetry.measures import COUNTS, SECONDS, Kind, Measure

Level = tuple[Measure, Mapping[str, str], float]
"""A measure of kind LEVEL, its labels and its value, for figures that are read rather than counted."""

_BUCKETS = {Kind.TIMES: SECONDS, Kind.SIZES: COUNTS}


class _Nowhere:
    """Takes figures for which there is no room: they are lost, and the work goes on."""

    def inc(self, _: float) -> None:
        """A counter."""

    def set(self, _: float) -> None:
        """A level."""

    def observe(self, _: float) -> None:
        """A histogram."""


_NOWHERE = _Nowhere()


class _Meter:
    """The figures of one process. `folder` is None until `start()`."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.made: dict[str, Any] = {}
        self.labelled: dict[tuple[Any, ...], Any] = {}
        """What `made` gives for labels, which the library checks anew each time it is asked."""
        self.registry: Any = None
        self.locks: list[TextIO] = []
        self.making = threading.Lock()

    def of(self, measure: Measure, labels: Mapping[str, str]) -> Any:
        key = (measure.name, *labels.items())
        known = self.labelled.get(key)
        if known is not None:
            return known
        try:
            with self.making:  # the library refuses a second figure of the same name, also from another thread
                found = self.made.get(measure.name)
                if found is None:
                    found = self.made[measure.name] = self._make(measure)
            return self.labelled.setdefault(key, found.labels(**labels) if measure.labels else found)
        except OSError:  # a disk that is full: tried again when it is counted the next time
            return _NOWHERE

    def forked(self) -> None:
        """Begin anew: a thread of the parent may have been making a figure, and this process counts in files of its own."""
        self.making = threading.Lock()
        if self.folder is not None:
            self.begin(self.folder)

    def begin(self, folder: Path | None) -> None:
        """Count from zero, in files under `folder`, or in memory. The library takes the folder from the environment."""
        from prometheus_client import values

        from bonded.telemetry.figure_file import FigureFile

        values.MmapedDict = FigureFile  # type: ignore[attr-defined]
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
        self.folder, self.made, self.labelled, self.registry = folder, {}, {}, None

    def _make(self, measure: Measure) -> Any:
        import prometheus_client as p  # 40 ms that commands need not pay

        if self.registry is None:
            self.registry = p.CollectorRegistry()
        common: dict[str, Any] = {"labelnames": measure.labels, "registry": self.registry}
        if measure.kind is Kind.COUNTER:
            return p.Counter(measure.name, measure.help, **common)
        if measure.kind is Kind.LEVEL:
            return p.Gauge(measure.name, measure.help, multiprocess_mode="livesum", **common)
        return p.Histogram(measure.name, measure.help, buckets=_BUCKETS[measure.kind], **common)


_meter = _Meter()
os.register_at_fork(after_in_child=_meter.forked)


def free_name(folder: Path, group: str) -> str:
    """`group`, or `group`-2 and so on when groups of that name run already: their files must not be removed.

    The name is this process group's until all its processes have ended; the system lets go of it, however they end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in (group, *(f"{group}-{n}" for n in range(2, 1000))):
        lock = (folder / f"{name}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        _meter.locks.append(lock)
        return name
    raise AssertionError("a thousand groups on one data directory")


def start(folder: Path, group: str = "serve") -> None:
    """Count in files under `folder`/`group` from now on; files of an earlier group of that name are removed. Call before
    forking.

    Groups of one data directory (web, worker, publisher as units of their own) share `folder`: whoever answers /metrics
    tells the sum of all. The library takes the folder from the process's environment, so it is set there.
    """
    own = folder / group
    own.mkdir(parents=True, exist_ok=True)
    for old in own.glob("*.db"):
        old.unlink(missing_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(own)
    _meter.begin(own)


def stop() -> None:
    """Count in this process alone again, from zero."""
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    _meter.begin(None)


def count(measure: Measure, by: float = 1, **labels: str) -> None:
    """Add `by` to a counter."""
    _meter.of(measure, labels).inc(by)


def level(measure: Measure, value: float, **labels: str) -> None:
    """Set this process's share of a level."""
    _meter.of(measure, labels).set(value)


def took(measure: Measure, seconds: float, **labels: str) -> None:
    """Add one duration to a histogram."""
    _meter.of(measure, labels).observe(seconds)


def sized(measure: Measure, number: int, **labels: str) -> None:
    """Add one whole number to a histogram."""
    _meter.of(measure, labels).observe(number)


@contextmanager
def timed(measure: Measure, **labels: str) -> Iterator[None]:
    """Add the time that the block takes to a histogram, however it ends."""
    started = time.perf_counter()
    try:
        yield
    finally:
        took(measure, time.perf_counter() - started, **labels)


def gone(pid: int) -> None:
    """Process `pid` has ended: its levels no longer count."""
    if _meter.folder is not None:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(pid, str(_meter.folder))  # type: ignore[no-untyped-call]


def render(levels: Iterable[Level] = (), folder: Path | None = None) -> bytes:
    """All figures of all processes, and `levels`, in the text format of Prometheus.

    `folder` is the one that was given to `start`, for a process that does not count itself.
    """
    import prometheus_client as p

    registry = _meter.registry or p.CollectorRegistry()
    shared = folder or (_meter.folder.parent if _meter.folder else None)
    if shared is not None:
        registry = p.CollectorRegistry()
        registry.register(_Read(_sum(shared)))
    return p.generate_latest(registry) + _read_levels(levels)


def _sum(folder: Path) -> list[Any]:
    """What the files of all groups hold together."""
    from prometheus_client.multiprocess import MultiProcessCollector

    for last in (False, False, True):
        try:
            files = [str(path) for path in sorted(folder.glob("*/*.db"))]
            return list(MultiProcessCollector.merge(files))  # type: ignore[no-untyped-call]
        except FileNotFoundError:  # a group was started again between listing and reading
            if last:
                raise
    raise AssertionError("unreachable")


def _read_levels(levels: Iterable[Level]) -> bytes:
    import prometheus_client as p
    from prometheus_client.core import GaugeMetricFamily

    families: dict[str, Any] = {}
    for measure, labels, value in levels:
        family = families.get(measure.name)
        if family is None:
            family = families[measure.name] = GaugeMetricFamily(measure.name, measure.help, labels=measure.labels)
        family.add_metric([labels[name] for name in measure.labels], value)
    registry = p.CollectorRegistry()
    registry.register(_Read(list(families.values())))
    return p.generate_latest(registry)


class _Read:
    """A collector of what was read just now."""

    def __init__(self, families: list[Any]) -> None:
        self._families = families

    def collect(self) -> list[Any]:
        return self._families
