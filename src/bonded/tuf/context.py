"""What every publishing step gets: the stores, the database, the signer, the lock, the numbers that operators set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from bonded.db.engine import Database
from bonded.seams import Lock, Purger, Signer, Storage

if TYPE_CHECKING:
    from bonded.tuf.base import Base
    from bonded.tuf.packs import Packed


@dataclass(frozen=True, slots=True)
class TufSettings:
    """Lifetimes and rhythm. The numbers of bins are in the signed metadata, not here."""

    lifetime: timedelta = timedelta(days=1)
    """How long timestamp and snapshot are valid; bins for 75-100 % of it."""
    min_interval: timedelta = timedelta(0)
    """Least time between two flips."""
    max_batch: int = 5000
    """Most events in one publication."""
    refresh_slice: int = 512
    """Most bins renewed by one publication."""
    page_ttl: timedelta = timedelta(seconds=10)
    """How long shared caches may keep plain project pages."""
    sweep_grace: timedelta = timedelta(days=1)
    """How long superseded objects stay."""
    last_readers: timedelta = timedelta(minutes=1)
    """For an install that read the page just before it left the last cache, before the bytes go that its owner removed."""
    list_interval: timedelta = timedelta(minutes=1)
    """Least time between two project lists."""
    long_list_interval: timedelta = timedelta(minutes=10)
    """The same beyond 10,000 projects."""
    writers: int = 2
    """Threads that sign, compress and write a large publication: most of that is done outside the interpreter."""
    hands: int = 0
    """Processes that make and write a large publication beside the publisher, instead of threads (`hands`). Only where stores
    and signer survive a fork: files, and keys in memory or behind a socket."""
    least_shared: int = 256
    """Pages, or bins, from which on a publication is a large one."""
    base_url: str = ""
    """Public address of the index with a slash at its end, for the absolute links of the JSON API."""
    accept_clock: bool = False
    """Sign although the clock is behind the last publication (or, in the refresher, a day ahead of it)."""

    @property
    def pages_gone(self) -> timedelta:
        """How long after its purge a plain page may still be in use: it lives for `page_ttl`, and is given out once more
        for as long while it is fetched anew."""
        return 2 * self.page_ttl + self.last_readers


@dataclass(slots=True)
class Memory:
    """What a publishing process remembers between publications. Losing it costs time, never safety."""

    numbered: bool = False
    """It has allocated a number already."""
    base: Base | None = None
    """What the store held after our last flip; used again only while the store's timestamp has these very bytes."""
    packs: Packed | None = None
    """What the sweep that is going on has seen of packs."""
    distrust: bool = False
    """The database's bins were not those of the store: the next claim compares all of them."""
    limit: int = 0
    """Events in the next batch while batches fail; 0: as many as the settings say."""
    failures: int = 0
    """How often in a row the batch failed."""
    expiries: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Bin name -> (version, seconds since 1970 of its expiry): the refresher's, which has no database."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Everything a publication needs. One object per process."""

    db: Database
    public: Storage
    vault: Storage
    signer: Signer
    lock: Lock
    settings: TufSettings
    purger: Purger
    memory: Memory = field(default_factory=Memory)
