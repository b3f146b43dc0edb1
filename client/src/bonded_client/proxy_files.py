"""Files on their way through the proxy: fetched once however many ask, hashed as they arrive, kept when they are right.

A reader gets bytes of a file that is still arriving only up to HELD_BACK before its end, and the rest once all of it was
verified. A file that turned out wrong is remembered for a moment, so that the installer which tries again is told why.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from tuf.api import exceptions

from bonded_client import decode
from bonded_client.cache import FileCache
from bonded_client.failures import Failure, understood
from bonded_client.fetcher import Fetcher

HELD_BACK = 64 * 1024
GUESSED = 4 * 1024 * 1024
_AT_ONCE = 24
_REMEMBERED = 15.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file by its hash. `length` in bytes, the longest that is accepted unless `exact`."""

    url: str
    sha256: str
    length: int
    exact: bool = True
    codings: str = "identity"


@dataclass(frozen=True, slots=True)
class Guess:
    """Bytes that were fetched before anybody knew what was signed, and what they hash to."""

    sha256: str
    part: BinaryIO


class Transfer:
    """A file that arrives or has arrived. `failure` is set when it never will."""

    def __init__(self, wanted: Wanted, file: BinaryIO) -> None:
        self.wanted, self._file = wanted, file
        self._moved = threading.Condition()
        self._count = 0
        self._ended = False
        self.failure: Failure | None = None
        self.error: Exception | None = None

    def copy(self) -> BinaryIO:
        """The file, open for one reader, who must not go by its position: it is shared. Raises Failure."""
        with self._moved:
            if self.failure:
                raise self.failure
            return os.fdopen(os.dup(self._file.fileno()), "rb")

    def finished(self, seconds: float | None) -> bool:
        """Wait until it ended, well or not, for `seconds` at most; False when it is still arriving."""
        with self._moved:
            return self._moved.wait_for(lambda: self._ended, seconds)

    def readable(self, past: int) -> int:
        """Wait until a reader may have more than its first `past` bytes; how many. Raises Failure."""
        with self._moved:
            self._moved.wait_for(lambda: self._ended or self._allowed() > past)
            if self.failure:
                raise self.failure
            return self._count if self._ended else self._allowed()

    def _allowed(self) -> int:
        return min(self._count, self.wanted.length - HELD_BACK)

    def advance(self, count: int) -> None:
        """`count` bytes are in the file."""
        with self._moved:
            self._count = count
            self._moved.notify_all()

    def end(self, failure: Failure | None = None, error: Exception | None = None) -> None:
        """Nothing more arrives."""
        with self._moved:
            self.failure, self.error, self._ended = failure, error, True
            if failure:
                self._file.close()  # it has no name any more: only now the disk gets its bytes back
            self._moved.notify_all()


class Files:
    """Verified files, out of `cache` or fetched into it. For many threads."""

    def __init__(self, cache: FileCache, fetcher: Fetcher, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache, self._fetcher, self._clock = cache, fetcher, clock
        self._lock = threading.Lock()
        self._slots = threading.Semaphore(_AT_ONCE)
        self._moving: dict[str, Transfer] = {}
        self._wrong: dict[str, tuple[Failure, float]] = {}

    def held(self, sha256: str) -> BinaryIO | None:
        """The verified file, open, when it is here."""
        return self._cache.open(sha256)

    def has(self, sha256: str) -> bool:
        """Whether the file is here, in all likelihood."""
        return self._cache.has(sha256)

    def fetch(self, wanted: Wanted, *, here: bool = False) -> Transfer:
        """The transfer of a file that is not here; one for all who want it. Raises Failure for one that just failed.

        `here`: whoever begins it carries it out, and it has ended then: right for those who would wait for all of it.
        """
        with self._lock:
            failure, until = self._wrong.get(wanted.sha256, (None, 0.0))
            if failure and self._clock() < until:
                raise failure
            transfer = self._moving.get(wanted.sha256)
            if transfer is not None:
                return transfer
            if file := self._cache.open(wanted.sha256):
                transfer = Transfer(wanted, file)  # it came since the caller looked
                transfer.advance(os.fstat(file.fileno()).st_size)
                transfer.end()
                return transfer
            transfer = self._moving[wanted.sha256] = Transfer(wanted, self._cache.begin())
        if here:
            self._run(transfer)
        else:
            threading.Thread(target=self._run, args=(transfer,), name="bonded-client-file", daemon=True).start()
        return transfer

    def whole(self, wanted: Wanted) -> BinaryIO:
        """The verified file, open. Raises Failure, or DownloadHTTPError when the index has no such file."""
        while (file := self.held(wanted.sha256)) is None:
            transfer = self.fetch(wanted, here=True)
            transfer.finished(None)
            if transfer.error:
                raise transfer.error
            if transfer.failure is None:
                return transfer.copy()
        return file

    def guess(self, url: str, form: str) -> Guess | None:
        """What is at `url` in this media type, of at most GUESSED bytes, whatever it is; None when there is nothing. `settle` ends it."""
        part, digest = self._cache.begin(), hashlib.sha256()
        try:
            with self._slots:
                for piece in self._fetcher.stream(url, GUESSED, decode.ACCEPTED, form):
                    digest.update(piece)
                    _write(part, piece)
        except (exceptions.DownloadError, OSError):
            self._cache.abandon(part)
            part.close()
            return None
        return Guess(digest.hexdigest(), part)

    def settle(self, guess: Guess, sha256: str) -> None:
        """Keep what was guessed if it has this hash."""
        with self._lock:
            if guess.sha256 == sha256 and sha256 not in self._moving:
                self._cache.keep(guess.part, sha256)
            else:
                self._cache.abandon(guess.part)
        guess.part.close()

    def _run(self, transfer: Transfer) -> None:
        wanted, part = transfer.wanted, transfer._file
        failure: Failure | None = None
        error: Exception | None = None
        try:
            with self._slots:
                self._receive(transfer, part)
            self._cache.keep(part, wanted.sha256)
        except exceptions.DownloadHTTPError as missing:
            failure, error = understood(missing, wanted.url), missing
        except Exception as other:
            failure = understood(other, wanted.url)
        if failure:
            self._cache.abandon(part)
        self._forget(transfer, failure)
        transfer.end(failure, error or failure)

    def _receive(self, transfer: Transfer, part: BinaryIO) -> None:
        wanted, digest, count = transfer.wanted, hashlib.sha256(), 0
        for piece in self._fetcher.stream(wanted.url, wanted.length, wanted.codings):
            digest.update(piece)
            _write(part, piece)
            count += len(piece)
            transfer.advance(count)
        if digest.hexdigest() != wanted.sha256 or (wanted.exact and count != wanted.length):
            raise exceptions.LengthOrHashMismatchError(f"{count} bytes, sha256 {digest.hexdigest()}")

    def _forget(self, transfer: Transfer, failure: Failure | None) -> None:
        now = self._clock()
        with self._lock:
            del self._moving[transfer.wanted.sha256]
            self._wrong = {key: one for key, one in self._wrong.items() if one[1] > now}
            if failure and failure.kind.attack:
                self._wrong[transfer.wanted.sha256] = (failure, now + _REMEMBERED)


def _write(part: BinaryIO, piece: bytes) -> None:
    """All of `piece`: an unbuffered file may take less when the disk is nearly full, and raises the next time."""
    left = memoryview(piece)
    while left:
        left = left[part.write(left) :]
