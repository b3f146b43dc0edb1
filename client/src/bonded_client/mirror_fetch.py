"""Many downloads at once, a bounded number of them: threads, each with connections of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import TracebackType
from typing import TypeVar

from tuf.api import exceptions

from bonded_client.failures import Failure, translate
from bonded_client.fetcher import Fetcher

T = TypeVar("T")
R = TypeVar("R")


class GoneError(Exception):
    """What the index named is not there (any more). `url` says what."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{url} is gone")
        self.url = url


class Stopped(Exception):
    """Another download failed, or the person stopped the command."""


class Workers:
    """`count` threads. Use as a context; leaving it stops what is under way at its next piece."""

    def __init__(self, like: Fetcher, count: int) -> None:
        self._like, self._count = like, count
        self._local = threading.local()
        self._made: list[Fetcher] = []
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="mirror")

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for fetcher in self._made:
            fetcher.close()

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """`work(item)` for every item, results in any order, at most four items for each thread taken ahead.

        Raises the first error, after which nothing new is begun.
        """
        left = iter(items)
        running: set[Future[R]] = set()
        while True:
            for item in left:
                running.add(self._pool.submit(self._guarded, work, item))
                if len(running) >= 4 * self._count:
                    break
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                yield one.result()

    def fetch(self, url: str, limit: int) -> bytes:
        """The decoded body of `url`, at most `limit` bytes. Raises GoneError, Failure."""
        fetcher = self._mine()
        with _said(fetcher):
            return fetcher.download_bytes(url, limit)

    def stream(self, url: str, limit: int) -> Iterator[bytes]:
        """The body of `url` as it is, in pieces, at most `limit` bytes. Raises GoneError, Failure."""
        fetcher = self._mine()
        with _said(fetcher):
            for piece in fetcher.stream(url, limit, "identity"):
                if self._stop.is_set():
                    raise Stopped
                yield piece

    def _guarded(self, work: Callable[[T], R], item: T) -> R:
        if self._stop.is_set():
            raise Stopped
        try:
            return work(item)
        except (GoneError, Stopped, Failure):
            raise
        except Exception as error:
            raise translate(error, self._mine().last_url) from error

    def _mine(self) -> Fetcher:
        found: Fetcher | None = getattr(self._local, "fetcher", None)
        if found is None:
            found = self._local.fetcher = self._like.another()
            self._made.append(found)
        return found


@contextmanager
def _said(fetcher: Fetcher) -> Iterator[None]:
    """Errors of a fetcher as GoneError or Failure."""
    try:
        yield
    except (Stopped, Failure):
        raise
    except exceptions.DownloadHTTPError as error:
        if error.status_code in {404, 410}:
            raise GoneError(fetcher.last_url) from error
        raise translate(error, fetcher.last_url) from error
    except Exception as error:
        raise translate(error, fetcher.last_url) from error
