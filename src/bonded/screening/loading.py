"""Outside checks of one process: loaded when they are first asked for, and again when the drop-in folder has changed.

Whatever is wrong with one of them is said (in the log, in a count, and by `bonded check list`), and the rest runs.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from bonded.checks.kit import Check
from bonded.checks.outside import NOTHING, Outside, Refused
from bonded.checks.plugin_host import ENTRY_POINT
from bonded.checks.registry import built_in
from bonded.screening import plugins, yara
from bonded.screening.plugins import Place
from bonded.seams import Sandbox
from bonded.telemetry.measures import CHECKS_REFUSED
from bonded.telemetry.metrics import count

MOST_FILES = 5000
"""Files of the drop-in folder whose changes are noticed."""

log = structlog.get_logger("bonded.screening.loading")
PluginSandbox = Callable[[Path, tuple[Path, ...]], Sandbox]
"""The sandbox in a Python (an executable or a virtual environment) that sees these folders. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where outside checks come from. `plugins`: Python executables, virtual environments, and folders of checks; `drop_in`:
    a folder of YARA rules and of folders of checks, which need not exist."""

    plugins: tuple[Path, ...] = ()
    drop_in: Path | None = None


@dataclass(eq=False, slots=True)
class Loader:
    """Call it for what there is now. Safe to use from many threads. `sandbox` is asked for when there are YARA rules."""

    sources: Sources
    sandbox: Callable[[], Sandbox]
    plugin_sandbox: PluginSandbox
    _seen: tuple[object, ...] = ("nothing",)
    _loaded: Outside = NOTHING
    _open: list[Sandbox] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> Outside:
        with self._lock:
            now = fingerprint(self.sources.drop_in)
            if now != self._seen:
                self._close()
                self._loaded, self._seen = self._whole(), now
            return self._loaded

    def close(self) -> None:
        """End the sandboxes; what is loaded stays, and starts them again when it is used."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        for one in self._open:
            one.close()

    def _whole(self) -> Outside:
        try:
            return self._load()
        except OSError as error:
            reason = f"outside checks cannot be read: {error.strerror}: {error.filename}"
            log.warning("outside checks cannot be read", reason=reason)
            return Outside((), (Refused("outside-checks", str(self.sources.drop_in), reason),))

    def _load(self) -> Outside:
        self._open = []
        checks: list[Check] = []
        refused: list[Refused] = []
        with ThreadPoolExecutor(4) as pool:
            for found, wrong in pool.map(self._survey, self._places()):
                checks += found
                refused += wrong
        if self.sources.drop_in is not None and _has_rules(self.sources.drop_in):
            found, wrong = yara.survey(self.sources.drop_in, self.sandbox())
            checks += found
            refused += wrong
        kept, twice = distinct(checks, (one.name for one in built_in()))
        for one in (*refused, *twice):
            log.warning("an outside check is refused", check=one.name, origin=one.origin, reason=one.reason)
            count(CHECKS_REFUSED)
        return Outside(tuple(kept), (*refused, *twice))

    def _places(self) -> list[tuple[str, Path, tuple[Path, ...], bool]]:
        """(name, Python, folders of checks, whether its entry points count) of each place."""
        own = Path(sys.executable)
        places: list[tuple[str, Path, tuple[Path, ...], bool]] = []
        if importlib.metadata.entry_points(group=ENTRY_POINT):
            places.append(("Bonded's environment", own, (), True))
        for path in self.sources.plugins:
            folder = path.is_dir() and not (path / "pyvenv.cfg").is_file()
            places.append((str(path), own if folder else path, (path,) if folder else (), not folder))
        drop_in = self.sources.drop_in
        if drop_in is not None and any(any(drop_in.glob(one)) for one in ("check.py", "*/check.py")):
            places.append((drop_in.name, own, (drop_in,), False))
        return places

    def _survey(self, place: tuple[str, Path, tuple[Path, ...], bool]) -> tuple[list[Check], list[Refused]]:
        name, python, folders, entry_points = place
        try:
            box = self.plugin_sandbox(python, folders)
        except ValueError as error:
            return [], [Refused(name, name, str(error))]
        self._open.append(box)
        return plugins.survey(Place(name, box, folders, entry_points))


def distinct(checks: Iterable[Check], taken: Iterable[str]) -> tuple[list[Check], list[Refused]]:
    """The checks whose names are free, sorted, and those whose names another one has; the first to come keeps a name."""
    known = dict.fromkeys(taken, "Bonded itself")
    kept: list[Check] = []
    twice: list[Refused] = []
    for one in checks:
        if one.name in known:
            words = f"another check is called {one.name} already, from {known[one.name]}"
            twice.append(Refused(one.name, one.origin, words))
        else:
            known[one.name] = one.origin
            kept.append(one)
    return sorted(kept, key=lambda one: one.name), twice


def fingerprint(folder: Path | None) -> tuple[object, ...]:
    """What changes when a file of the folder does: names, sizes and times of change."""
    if folder is None:
        return ()
    found: list[tuple[str, int, int]] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if one != "__pycache__")
        for name in sorted(names):
            path = os.path.join(parent, name)  # noqa: PTH118 - this is asked for with every file that is screened
            try:
                status = os.stat(path)  # noqa: PTH116
            except OSError:
                continue
            found.append((path, status.st_size, status.st_mtime_ns))
        if len(found) > MOST_FILES:
            break
    return tuple(found)


def _has_rules(folder: Path) -> bool:
    return any(one.suffix in yara.SUFFIXES for one in folder.glob("*"))
