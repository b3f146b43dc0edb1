"""Purger (seams) for nginx as a cache, whose open-source version cannot be told to forget anything.

It lives by times to live: files go after `purge.bound` seconds, pages after twice `tuf.page_ttl`. What this adapter adds is
the look afterwards: whether the caches keep to that.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from bonded.adapters.purger_http import show
from bonded.seams import Shown


class NginxPurger:
    """`addresses` are the caches to look at, may be empty; `bound`: how long they may keep a withdrawn file."""

    active = False

    def __init__(self, addresses: Iterable[str], *, host: str, bound: timedelta, timeout: float = 5.0) -> None:
        self.caches = tuple(addresses)
        # nginx counts whole seconds, and one more may have begun.
        self.lasting = bound + timedelta(seconds=1)
        self._host, self._timeout = host, timeout

    def purge(self, keys: Iterable[str]) -> None:
        """Nothing can be done sooner than the time to live."""

    def show(self, paths: Iterable[str], *, whole: bool) -> list[Shown]:
        """As the seam says."""
        return show(self.caches, self._host, self._timeout, paths, whole=whole)
