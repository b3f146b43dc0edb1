"""Purge jobs: have the caches in front of the public store forget what changed, until they confirm.

The job never dead-letters: a cache that does not confirm is asked again, with growing pauses of at most 60 s.
"""

from __future__ import annotations

from datetime import datetime

from bonded.db.jobs import Job
from bonded.db.worker import Effects
from bonded.tuf.context import Publisher


def handle(p: Publisher, job: Job, now: datetime) -> Effects | None:  # noqa: ARG001 - the form of every handler
    """Purge the surrogate keys of the payload. Raises PurgeFailed: the job comes back."""
    keys = [str(key) for key in job.payload["keys"]]
    if keys:
        p.purger.purge(keys)
    return None
