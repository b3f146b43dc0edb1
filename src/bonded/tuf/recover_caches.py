"""Caches after a recovery: they forget the whole public store, because nobody can list what an intruder had them keep.

Names are not enough: an object that was put, asked for through a cache and deleted again lies in the cache alone, under a
name that a later publication will use.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog

from bonded.db.engine import Tx
from bonded.seams import PurgeFailed
from bonded.tuf import purge
from bonded.tuf.context import Publisher
from bonded.tuf.settle import chunks

EVERYTHING = ("store", "timestamp", "root")
LOOKED_AT = 1000
"""Names of objects that were taken away for which the caches are asked; all of them are purged."""

log = structlog.get_logger("bonded.recover")


def empty(p: Publisher) -> str:
    """Have every cache forget everything, now; returns what went wrong, "" when all have confirmed.

    A recovery does not wait for a cache: clients refuse the index until it has ended, and the job purges again.
    """
    try:
        p.purger.purge(EVERYTHING)
    except PurgeFailed as error:
        log.error("a cache was not purged", reason=str(error))
        return str(error)
    return ""


def empty_later(tx: Tx, p: Publisher, n: int, gone: Iterable[str], now: datetime) -> None:
    """Queue the same, with a look whether caches show the pointer and nothing of the objects `gone`; it comes back until
    they do. `n` is the publication that is live."""
    names = sorted({f"file/{name}" for name in gone})[:LOOKED_AT]
    for number, keys in enumerate([[*EVERYTHING], *chunks(names)]):
        purge.later(tx, p.purger, f"recover:{n}:{number}", keys, now=now)
