"""A store that is some way off: every call waits, and it is noted how many waited at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bonded.adapters.storage_files import FileStorage

WAIT = 0.01


class Far(FileStorage):
    """`most` says of each kind of call how many waited at the same time."""

    at_once = 8
    wait = WAIT

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._lock, self._now, self._inside = threading.Lock(), 0, threading.local()
        self.most: dict[str, int] = {}

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return (
            self._waiting(name, found)
            if name in {"read", "get", "open", "exists", "size", "create", "put", "put_copy", "copy", "delete"}
            else found
        )

    def _waiting(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def waits(*given: Any) -> Any:
            if getattr(self._inside, "now", False):
                return call(*given)  # one call of ours makes others
            self._inside.now = True
            with self._lock:
                self._now += 1
                self.most[name] = max(self.most.get(name, 0), self._now)
            try:
                time.sleep(self.wait)
                return call(*given)
            finally:
                self._inside.now = False
                with self._lock:
                    self._now -= 1

        return waits
