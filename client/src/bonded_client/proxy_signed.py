"""What the index has signed, held once for all requests: one updater, whose answers are remembered.

python-tuf's updater is for one thread, so it is asked under a lock; what it would have to fetch is fetched before, side by
side for all requests (`proxy_outline`). An unchanged timestamp renews nothing before something expires or HOLD has passed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tuf.api import exceptions
from tuf.api.metadata import TargetFile  # type: ignore[attr-defined]

from bonded_client.failures import translate, understood
from bonded_client.fetcher import Fetcher
from bonded_client.proxy_outline import MOST, Outline
from bonded_client.proxy_watch import Timing, Watch
from bonded_client.trust import ATTEMPTS, Trust, alone

_TIMESTAMP_LENGTH = 16_384
_AT_ONCE = 16


class Signed:
    """The verified state of one index, for many threads. `trust` was made with an endless hold."""

    def __init__(
        self,
        trust: Trust,
        folder: Path,
        early: Fetcher,
        timing: Timing,
        note: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`folder` is the index's in the cache; `early` fetches for many threads; `note` tells the person something."""
        self._trust, self._folder, self._early = trust, folder, early
        self._timing, self._clock = timing, clock
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_AT_ONCE, "bonded-client-early")
        self._outline: Outline | None = None
        self._answers: dict[str, TargetFile | None] = {}
        self._renewed = 0.0
        self.watch = Watch(self, folder / "reached", timing, note, clock)

    def close(self) -> None:
        """End the threads that fetch early."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def target(self, path: str) -> TargetFile | None:
        """What the index signed for the target `path`, None when it has none. Raises Failure."""
        self.watch.check()
        for attempt in range(ATTEMPTS):
            answers = self._answers
            if path in answers:
                return answers[path]
            try:
                return self._look(path)
            except exceptions.DownloadHTTPError as error:
                if error.status_code not in {404, 410} or attempt == ATTEMPTS - 1:
                    raise translate(error, self._trust.fetcher.last_url) from error
            self.watch.begin_again()
        raise AssertionError("the last attempt returns or raises")

    def _look(self, path: str) -> TargetFile | None:
        """Raises DownloadHTTPError, or Failure for the rest."""
        early = self._fetch_early(path)
        with self._lock:
            try:
                with alone(self._folder), self._trust.fetcher.answering(early):
                    self._answers[path] = found = self._trust.info(path)
            except exceptions.DownloadHTTPError:
                raise
            except Exception as error:
                raise understood(error, self._trust.fetcher.last_url) from error
        return found

    def _fetch_early(self, path: str) -> dict[str, bytes | Exception]:
        outline = self._outline
        missing = outline.missing(path) if outline else []
        urls = [f"{self._trust.index.metadata}{version}.{role}.json" for role, version in missing]
        return dict(zip(urls, self._pool.map(self._bytes_of, urls), strict=True))

    def _bytes_of(self, url: str) -> bytes | Exception:
        try:
            return self._early.fetch_all(url, MOST)
        except exceptions.DownloadError as error:
            return error  # raised where python-tuf asks for it

    def poll(self, *, again: bool) -> None:
        """See Watched."""
        url = self._trust.index.timestamp
        try:
            timestamp = self._early.fetch_all(url, _TIMESTAMP_LENGTH)
        except exceptions.DownloadError as error:
            raise translate(error, url) from error
        held = self._outline
        now = self._clock()
        if again or held is None or timestamp != held.timestamp or not self._lasts(held, now):
            self._renew(self._trust.renew, now)

    def _lasts(self, held: Outline, now: float) -> bool:
        return now < held.until and 0 <= now - self._renewed < self._timing.hold

    def recall(self) -> None:
        """See Watched."""
        self._renew(self._trust.renew_offline, self._clock())

    def until(self) -> float:
        """See Watched."""
        return self._outline.until if self._outline else 0.0

    def _renew(self, renew: Callable[[], None], now: float) -> None:
        with self._lock:
            try:
                with alone(self._folder):
                    steadily(renew)
                    self._outline = Outline.read(self._folder / "metadata")
            except Exception as error:
                raise understood(error, self._trust.fetcher.last_url) from error
            self._answers = {}
            self._renewed = now


def steadily(renew: Callable[[], None]) -> None:
    """`renew()`, once more when a file is not there: the timestamp was flipped meanwhile."""
    try:
        renew()
    except exceptions.DownloadHTTPError as error:
        if error.status_code not in {404, 410}:
            raise
        time.sleep(1.0)
        renew()
