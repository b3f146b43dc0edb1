"""What the index has signed, held once for all requests: one updater, whose answers are remembered.

python-tuf's updater is for one thread, so it is asked under a lock; what it would have to fetch is fetched before, side by
side for all requests (`proxy_outline`). News makes a new state beside the old one, which goes on answering until then. An
unchanged timestamp makes none before something expires or `hold` has passed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tuf.api import exceptions
from tuf.api.metadata import TargetFile  # type: ignore[attr-defined]

from bonded_client.failures import Failure, translate, understood
from bonded_client.fetcher import Fetcher
from bonded_client.index import Index
from bonded_client.proxy_outline import MOST, Outline
from bonded_client.proxy_watch import Timing, Watch
from bonded_client.trust import ATTEMPTS, LIST, Trust, alone

_TIMESTAMP_LENGTH = 16_384
_AT_ONCE = 24


@dataclass(slots=True)
class _State:
    """One snapshot. `answers` are of its updater, which is asked under `lock`."""

    trust: Trust
    outline: Outline
    made: float
    answers: dict[str, TargetFile | None] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Signed:
    """The verified state of one index, for many threads."""

    def __init__(
        self,
        index: Index,
        root: bytes,
        folder: Path,
        fetcher: Fetcher,
        timing: Timing,
        note: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`root` is trusted to begin with; `folder` is the index's in the cache; `note` tells the person something."""
        self._index, self._root, self._folder, self._fetcher = index, root, folder, fetcher
        self._timing, self._clock = timing, clock
        self._together = _Together(folder)
        self._slots = threading.Semaphore(_AT_ONCE)
        self._state: _State | None = None
        self.watch = Watch(self, folder / "reached", timing, note, clock)

    def target(self, path: str) -> TargetFile | None:
        """What the index signed for the target `path`, None when it has none, after `watch.check`. Raises Failure."""
        for attempt in range(ATTEMPTS):
            state = self._state
            assert state is not None, "a watch that is content has a state"
            if path in state.answers:
                return state.answers[path]
            try:
                return self._look(state, path)
            except exceptions.DownloadHTTPError as error:
                if error.status_code not in {404, 410} or attempt == ATTEMPTS - 1:
                    raise translate(error, state.trust.fetcher.last_url) from error
            self.watch.begin_again()
        raise AssertionError("the last attempt returns or raises")

    def is_far(self, path: str) -> bool:
        """Whether metadata must be fetched to know about the target `path`."""
        state = self._state
        return state is not None and path not in state.answers and state.outline.missing(path) is not None

    def _look(self, state: _State, path: str) -> TargetFile | None:
        """Raises DownloadHTTPError, or Failure for the rest."""
        early = self._fetch_early(state, path)
        with state.lock:
            try:
                with self._together.here(), state.trust.fetcher.answering(early):
                    state.answers[path] = found = state.trust.info(path)
            except exceptions.DownloadHTTPError:
                raise
            except Exception as error:
                raise understood(error, state.trust.fetcher.last_url) from error
        return found

    def _fetch_early(self, state: _State, path: str) -> dict[str, bytes | Exception]:
        missing = state.outline.missing(path)
        if missing is None:
            return {}
        url = f"{self._index.metadata}{missing[1]}.{missing[0]}.json"
        return {url: self._bytes_of(url)}

    def _bytes_of(self, url: str) -> bytes | Exception:
        try:
            with self._slots:
                return self._fetcher.fetch_all(url, MOST)
        except exceptions.DownloadError as error:
            return error  # raised where python-tuf asks for it

    def poll(self, *, again: bool) -> None:
        """See Watched."""
        url = self._index.timestamp
        try:
            timestamp = self._fetcher.fetch_all(url, _TIMESTAMP_LENGTH)
        except exceptions.DownloadError as error:
            raise translate(error, url) from error
        if again or not self._lasts(timestamp, self._clock()):
            state = self._renew(lambda trust: steadily(trust, {url: timestamp}))
            if state.outline.missing(
                LIST, 1
            ):  # or each of the first requests would have to fetch what delegates to the bins
                with suppress(Failure, exceptions.DownloadHTTPError):  # whoever asks for a page is told
                    self._look(state, LIST)

    def _lasts(self, timestamp: bytes, now: float) -> bool:
        state = self._state
        if state is None or timestamp != state.outline.timestamp:
            return False
        return now < state.outline.until and 0 <= now - state.made < self._timing.hold

    def recall(self) -> None:
        """See Watched."""
        self._renew(Trust.renew_offline)

    def until(self) -> float:
        """See Watched."""
        return self._state.outline.until if self._state else 0.0

    def _renew(self, renew: Callable[[Trust], None]) -> _State:
        now = self._clock()
        fetcher = self._fetcher.sibling()
        trust = Trust(self._index, self._root, self._folder, fetcher, hold=float("inf"), now=self._clock)
        try:
            with self._together.here():
                renew(trust)
                outline = Outline.read(self._folder / "metadata")
        except Exception as error:
            raise understood(error, fetcher.last_url) from error
        self._state = state = _State(trust, outline, now)
        return state


class _Together:
    """The folder, held against other processes while any thread of this one is in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._count = 0
        self._held = ExitStack()

    @contextmanager
    def here(self) -> Iterator[None]:
        """Raises Failure (busy)."""
        with self._lock:
            if self._count == 0:
                self._held.enter_context(alone(self._folder))
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1
                if self._count == 0:
                    self._held.close()


def steadily(trust: Trust, asked: Mapping[str, bytes]) -> None:
    """Renew with what was `asked` a moment ago; once more when a file is not there: the timestamp was flipped meanwhile."""
    try:
        with trust.fetcher.answering(asked):
            trust.renew()
    except exceptions.DownloadHTTPError as error:
        if error.status_code not in {404, 410}:
            raise
        time.sleep(1.0)
        trust.renew()
