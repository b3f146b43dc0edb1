"""Waking workers of one machine, over processes, with named pipes in the data directory.

Each object owns one pipe for each queue that it waits for, `<folder>/<queue>.<name>.fifo`; a wake writes one byte into all
pipes of the queue. A pipe without a reader is left over from a process that died, and is removed by whoever finds it. Names are
drawn, for processes in two containers that share the folder may have one number.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import select
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path


class LocalQueue:
    """Queue (seams) by named pipes under `folder`, which is made when missing. One object for each thread that waits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pipes: dict[str, int] = {}
        self._owner, self._name = os.getpid(), secrets.token_hex(6)

    def wake(self, queues: Iterable[str]) -> None:
        """Best effort: errors are ignored, because workers also poll."""
        for queue in queues:
            with contextlib.suppress(OSError):
                for pipe in self._folder.glob(f"{queue}.*.fifo"):
                    _poke(pipe)

    def wait(self, queues: Iterable[str], timeout: timedelta) -> bool:
        """Sleep until a wake for one of `queues` or the timeout; True when woken."""
        pipes = [self._pipe(queue) for queue in queues]
        poll = select.poll()  # select(2) refuses descriptors beyond the first 1,024
        for pipe in pipes:
            poll.register(pipe, select.POLLIN)
        ready = poll.poll(max(0.0, timeout.total_seconds() * 1000))
        for pipe, _ in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(pipe, 4096)
        return bool(ready)

    def close(self) -> None:
        """Remove this process's pipes."""
        for queue, pipe in self._pipes.items():
            os.close(pipe)
            if self._owner == os.getpid():
                self._path(queue).unlink(missing_ok=True)
        self._pipes = {}

    def _pipe(self, queue: str) -> int:
        if self._owner != os.getpid():  # after a fork the parent's pipes are not ours
            self._pipes, self._owner, self._name = {}, os.getpid(), secrets.token_hex(6)
        if queue not in self._pipes:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._path(queue)
            # Wakers remove a pipe that nobody has open: it gets its name when we have.
            made = path.with_suffix(".new")
            os.mkfifo(made, 0o600)
            # Open for both directions: the pipe never reports end of file between two writers.
            self._pipes[queue] = os.open(made, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            made.rename(path)
            for other in self._folder.glob(f"{queue}.*.fifo"):
                _poke(other, b"")  # those that were left go now: a queue of a busy minute may not be woken for weeks
        return self._pipes[queue]

    def _path(self, queue: str) -> Path:
        return self._folder / f"{queue}.{self._name}.fifo"


def _poke(pipe: Path, byte: bytes = b"!") -> None:
    """Write `byte` into a pipe; remove one that nobody reads."""
    try:
        end = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # any other error, such as too many open files, says nothing of its reader
            pipe.unlink(missing_ok=True)
        return
    try:
        os.write(end, byte)
    except BlockingIOError:
        pass  # full: its reader has been woken often enough
    finally:
        os.close(end)
