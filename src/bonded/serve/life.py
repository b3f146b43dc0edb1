"""The life of one child process: when it is ready, and when it shall stop.

A signal is one byte in a pipe, which the interpreter writes the moment it comes (`signal.set_wakeup_fd`): handlers of ours
would run at the next step of the main thread, which may be about to sleep for good. A thread reads it and sets `stop`. The
same thread watches a second pipe whose other end only the parent holds: when the parent dies, however it died, the
children stop too.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from types import FrameType


class Life:
    """What a member of the group gets when it runs. `stop` is set once, when the process shall finish gracefully."""

    def __init__(self, ready_pipe: int = -1, parent_pipe: int = -1) -> None:
        self.stop = threading.Event()
        self._ready_pipe, self._parent_pipe = ready_pipe, parent_pipe
        self._calls: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def ready(self) -> None:
        """Say once that this process does its work now."""
        if self._ready_pipe >= 0:
            os.write(self._ready_pipe, b"r")
            os.close(self._ready_pipe)
            self._ready_pipe = -1

    def on_stop(self, call: Callable[[], None]) -> None:
        """Have `call` called, from another thread, when the process shall stop; at once when that has happened."""
        with self._lock:
            if not self.stop.is_set():
                self._calls.append(call)
                return
        call()

    def end(self) -> None:
        """Ask the process to stop. From any thread, not from a signal handler."""
        with self._lock:
            if self.stop.is_set():
                return
            self.stop.set()
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    def obey_signals(self) -> None:
        """Stop on SIGTERM and SIGINT, and when the parent is gone. Call in the main thread."""
        told, tell = os.pipe()
        os.set_blocking(tell, False)

        def handle(_number: int, _frame: FrameType | None) -> None:
            """The byte is written already."""

        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, handle)
        signal.signal(signal.SIGINT, handle)
        parent = [self._parent_pipe] if self._parent_pipe >= 0 else []
        threading.Thread(target=self._watch, args=(told, parent), name="life", daemon=True).start()

    def _watch(self, told: int, parent: list[int]) -> None:
        """Until one of the signals that stop us (libraries may have handlers for others), or the end of the parent."""
        while select.select([told, *parent], [], [])[0] == [told]:
            if not {signal.SIGTERM, signal.SIGINT}.isdisjoint(os.read(told, 512)):
                break
        self.end()
