"""What publishing works with, and what it says of itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bonded.wiring.keys import Keys

if TYPE_CHECKING:
    from bonded.seams import Lock, Purger
    from bonded.tuf.context import Publisher, TufSettings
    from bonded.tuf.status_model import Status


SEEN = timedelta(seconds=5)
"""How long the state of signing is told again without being read."""


@dataclass(frozen=True)
class Publishing(Keys):
    """The publisher, its lock, the caches in front, and the state of signing."""

    @cached_property
    def purger(self) -> Purger:
        """What clears caches in front of the public store."""
        s, host = self.settings.purge, urlsplit(self.settings.url).netloc
        bound = timedelta(seconds=s.bound)
        if s.engine == "none":
            from bonded.adapters.purger_none import NoPurger

            return NoPurger(bound)
        if s.engine == "nginx":
            from bonded.adapters.purger_nginx import NginxPurger

            return NginxPurger(s.addresses, host=host, bound=bound, timeout=s.timeout)
        if s.engine == "fastly":
            from bonded.adapters.purger_fastly import FastlyPurger

            token = self._secret("purge.token_file", s.token_file)
            return FastlyPurger(s.service, token, url=self.settings.url, api=s.api, soft=s.soft, timeout=s.timeout)
        from bonded.adapters.purger_varnish import VarnishPurger

        ban = s.engine == "varnish-ban"
        return VarnishPurger(s.addresses, host=host, ban=ban, soft=s.soft, timeout=s.timeout)

    @cached_property
    def lock(self) -> Lock:
        """The publisher's lock: of this host, and of the database where several hosts share one."""
        return self.lock_with(self.database_url)

    def lock_with(self, url: str) -> Lock:
        """The lock of a publisher that uses the database at `url`."""
        if url.startswith("postgresql"):
            from bonded.adapters.lock_postgres import PostgresLock

            return PostgresLock(url)
        from bonded.adapters.lock_file import FileLock

        return FileLock(self.directory / "run" / "publisher.lock")

    @cached_property
    def publisher(self) -> Publisher:
        """What every publishing step works with."""
        from bonded.tuf.context import Publisher

        return Publisher(self.db, self.public, self.vault, self.signer, self.lock, self.tuf_settings, self.purger)

    @cached_property
    def keeper(self) -> Publisher:
        """The same for jobs that withdraw and copy but never sign: its signer refuses, so workers hold no key."""
        from bonded.adapters.signer_none import NoSigner
        from bonded.tuf.context import Publisher

        return Publisher(self.db, self.public, self.vault, NoSigner(), self.lock, self.tuf_settings, self.purger)

    @property
    def tuf_settings(self) -> TufSettings:
        """Lifetimes and rhythm of publishing."""
        from bonded.tuf.context import TufSettings

        t = self.settings.tuf
        return TufSettings(
            lifetime=t.lifetime(),
            min_interval=timedelta(seconds=t.min_interval),
            max_batch=t.max_batch,
            hands=self._hands(),
            page_ttl=timedelta(seconds=t.page_ttl),
            sweep_grace=timedelta(seconds=t.sweep_grace),
            base_url=self.settings.url.rstrip("/") + "/",
        )

    def _hands(self) -> int:
        """Processes that help with a large publication: none where an adapter would not survive the fork."""
        s = self.settings
        remote = any(url.startswith("s3://") for url in (s.storage.public, s.storage.vault))
        if remote or not self.keys_fork():
            return 0
        return (s.tuf.processes or min(4, len(os.sched_getaffinity(0)))) - 1

    def status(self) -> Status:
        """The state of signing, read anew when it is older than a few seconds: load balancers ask often."""
        from bonded.tuf.status import status

        now, seen = self.clock(), self._seen
        if not seen or not timedelta(0) <= now - seen[0][0] < SEEN:
            seen[:] = [(now, status(self.db, self.public, now, flips=0, faults=self.faults()))]
        return seen[0][1]

    @cached_property
    def _seen(self) -> list[tuple[datetime, Status]]:
        """The status that was read last and when, at most one."""
        return []
