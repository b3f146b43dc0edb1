"""What a worker counts about itself and tells the others, through rows that people and metrics read."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bonded.db.engine import Tx
from bonded.db.jobs import Job
from bonded.db.worker import Effects, Handler, Stopped
from bonded.db.workers import Seen, leave, tell

EVERY = timedelta(seconds=5)


@dataclass
class Pulse:
    """One lane of one process. Make it in the process that works; safe to use from many threads."""

    lane: str
    engine: str
    queues: Sequence[str]
    threads: int
    started_at: datetime
    broker: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _counts: dict[str, int] = field(default_factory=lambda: {"busy": 0, "done": 0, "failed": 0})

    @property
    def id(self) -> str:
        """host:pid:lane."""
        return f"{socket.gethostname()}:{os.getpid()}:{self.lane}"

    def counted(self, handlers: Mapping[str, Handler]) -> dict[str, Handler]:
        """The same handlers, counted while they run and when they end."""
        return {queue: self._counting(handler) for queue, handler in handlers.items()}

    def tell(self, tx: Tx, now: datetime) -> None:
        """Say that this worker lives, and what it does."""
        with self._lock:
            counts = dict(self._counts)
        who = {"id": self.id, "host": socket.gethostname(), "pid": os.getpid(), "lane": self.lane}
        what = {"engine": self.engine, "queues": tuple(self.queues), "threads": self.threads, "broker": self.broker}
        tell(tx, Seen(**who, **what, **counts, started_at=self.started_at, seen_at=now))  # type: ignore[arg-type]

    def leave(self, tx: Tx) -> None:
        """Say that this worker stops."""
        leave(tx, self.id)

    def _counting(self, handler: Handler) -> Handler:
        def call(taken: Job, now: datetime) -> Effects | None:
            self._add(busy=1)
            ended = {"failed": 1}
            try:
                effects = handler(taken, now)
                ended = {"done": 1}
                return effects
            except Stopped:  # goes back unharmed
                ended = {}
                raise
            finally:
                self._add(busy=-1, **ended)

        return call

    def _add(self, **by: int) -> None:
        with self._lock:
            for name, number in by.items():
                self._counts[name] += number
