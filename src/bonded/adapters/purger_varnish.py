"""Purger (seams) for Varnish, with the configurations in deploy/varnish: by key (vmod xkey) or by ban.

By key, objects are found in an index and are gone at once. A ban is a test that every older object has to pass before it
is given out again; it needs no module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from bonded.adapters.purger_http import Call, batches, everywhere, show
from bonded.seams import PurgeFailed, Shown


class VarnishPurger:
    """Purges every cache of `addresses`, by ban or by key. `host` is what clients ask for; `soft`: pages are only marked as old, and given
    out once more while they are fetched anew (by key only)."""

    active = True
    lasting = timedelta(0)

    def __init__(
        self,
        addresses: Iterable[str],
        *,
        host: str,
        ban: bool = False,
        soft: bool = False,
        timeout: float = 5.0,
    ) -> None:
        self.caches = tuple(addresses)
        self._host, self._ban, self._soft, self._timeout = host, ban, soft, timeout

    def purge(self, keys: Iterable[str]) -> None:
        """One request for some dozens of keys, to all caches at once. Raises PurgeFailed."""
        wanted = sorted(set(keys))

        def work(one: Call) -> list[Shown]:
            for method, header, value in self._requests(wanted):
                reply = one(method, "/", {"Host": self._host, header: value})
                if reply.status != 200 or not reply.reason.startswith("Purged"):
                    raise PurgeFailed(f"{one.address} refused the purge: {reply.text()}")
            return []

        everywhere(self.caches, self._timeout, work)

    def show(self, paths: Iterable[str], *, whole: bool) -> list[Shown]:
        """As the seam says."""
        return show(self.caches, self._host, self._timeout, paths, whole=whole)

    def _requests(self, keys: list[str]) -> Iterable[tuple[str, str, str]]:
        """(method, header, its value) of each request."""
        if self._ban:
            # Escaping makes keys longer at most by half: names are mostly letters, digits and hyphens.
            for batch in batches([re.escape(key) for key in keys]):
                yield "BAN", "X-Bonded-Ban", "(?:^|[[:space:]])(?:" + "|".join(batch) + ")(?:$|[[:space:]])"
            return
        soft = [key for key in keys if self._soft and key.startswith("project/")]
        for batch in batches(sorted(set(keys) - set(soft))):
            yield "PURGE", "xkey-purge", " ".join(batch)
        for batch in batches(soft):
            yield "PURGE", "xkey-softpurge", " ".join(batch)
