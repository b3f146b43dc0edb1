"""Lanes: which queues are worked on together, by how many threads, and who gives way to whom. Both engines use these."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bonded.db.worker import Handler

SCREENING_NICE = 10
"""People who upload and read go before files that wait for their verdict."""
BACKFILL_NICE = 19
"""History waits for everything."""
AFTER_NICE = 5
"""They also go before what follows an upload: publications and copies catch up in larger batches, which cost less. What
withdraws files is never behind anything."""
PLAIN_REST = timedelta(milliseconds=200)
"""What pip and uv see may be so much later than what is signed; uploads that come fast share the work."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Queues that share threads. `nice` and `rest` as in `Worker.add`.

    `carried`: a broker may carry its jobs to other machines. What withdraws files is not: it must not depend on a broker.
    """

    name: str
    queues: tuple[str, ...]
    threads: int = 1
    nice: int = 0
    rest: timedelta | None = None
    carried: bool = False

    def handlers(self, jobs: Mapping[str, Handler]) -> dict[str, Handler]:
        """The handlers of its queues among all."""
        return {queue: jobs[queue] for queue in self.queues}


def lanes(queues: Collection[str], *, screening: int, purging: bool, backfilling: int = 1) -> list[Lane]:
    """Every one of `queues` in exactly one lane; those that have no lane of their own share the last.

    `screening`: files screened at once, `backfilling`: parts of backfills; `purging`: caches stand in front, and nothing waits for a slow one.
    """
    plain = ("plain",) if purging else ("plain", "purge")
    history = tuple(queue for queue in ("backfill", "pack") if queue in queues)
    named = [
        Lane("screen", ("screen",), threads=screening, nice=SCREENING_NICE, carried=True),
        Lane("submission", ("submission",), threads=screening, nice=SCREENING_NICE, carried=True),
        Lane("webhook", ("webhook",), threads=2, nice=AFTER_NICE, carried=True),
        Lane("mail", ("mail", "report-mail"), nice=AFTER_NICE, rest=timedelta(seconds=2), carried=True),
        Lane("documents", ("documents",), nice=AFTER_NICE, rest=timedelta(seconds=2), carried=True),
        Lane("takedown", ("takedown",)),
        Lane("plain", plain, nice=AFTER_NICE, rest=PLAIN_REST),
        *([Lane("purge", ("purge",))] if purging else []),
        *([Lane("backfill", history, backfilling, BACKFILL_NICE, carried=True)] if history else []),
    ]
    others = tuple(sorted(set(queues) - {queue for lane in named for queue in lane.queues}))
    return [*named, *([Lane("others", others, nice=SCREENING_NICE, carried=True)] if others else [])]
