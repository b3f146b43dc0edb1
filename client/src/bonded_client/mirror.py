"""Follow an index: everything that it signed, verified through TUF, as a tree that serves pip, uv and TUF clients alike.

One round: verify the newest state; take away what it no longer lists; fetch what it lists and the tree lacks; write plain
pages; move `timestamp.json`. Nothing is decided by what a round had done before it was interrupted: the difference is taken
between what the index signed and what the tree serves, and an object that is there already is not fetched again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from bonded_client.failures import Failure
from bonded_client.mirror_fetch import GoneError, Workers
from bonded_client.mirror_round import Limits, Round
from bonded_client.mirror_state import flipped, trusted
from bonded_client.mirror_sync import Sync
from bonded_client.mirror_tree import Tree
from bonded_client.trust import HOLD, Trust

ATTEMPTS = 5


class Mirror:
    """Mirrors the index of `trust` into `tree`. Use under `alone(tree.own)`."""

    def __init__(
        self,
        trust: Trust,
        tree: Tree,
        limits: Limits,
        *,
        progress: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.trust, self.tree, self.limits = trust, tree, limits
        self._progress, self._clock, self._pause = progress, clock, pause

    def once(self) -> Round:
        """One round. Raises Failure or python-tuf's errors; what the tree serves is then what it served before, less
        what the index has signed away since."""
        self.tree.begin()
        for attempt in range(1, ATTEMPTS + 1):
            begun = self._clock()
            with Workers(self.trust.fetcher, self.limits.jobs) as workers:
                try:
                    found = self._round(workers, begun)
                except GoneError as error:
                    if attempt == ATTEMPTS:
                        raise Failure(
                            "metadata-missing", f"The index names {error.url}, which is not there."
                        ) from error
                    self._pause(float(attempt))
                    continue
            if found is not None:
                found.seconds = self._clock() - begun
                return found
        raise Failure("slow", "The index publishes faster than this mirror can follow; it goes on where it was.")

    def _round(self, workers: Workers, begun: float) -> Round | None:
        """None: it took so long that its state is old by now; what was fetched is kept, and the next round is short."""
        self.trust.renew()
        state, before = trusted(self.trust.metadata), flipped(self.tree)
        chosen = sorted(self.limits.projects)
        same = self.tree.recall("chosen") == chosen and before is not None
        now = datetime.fromtimestamp(begun, UTC)
        one = Sync(self.trust, self.tree, self.limits, workers, state, before if same else None, now, self._progress)
        interrupted = self.tree.recall("unfinished") is not None
        if same and not interrupted and before is not None and before.version == state.version:
            one.show_roots()
            one.retry_absent()
            one.sweep(self._clock())
            return one.done
        self.tree.keep("unfinished", True)
        one.prepare()
        if self._clock() - begun > HOLD or self._clock() > state.expires.timestamp():
            return None
        one.show(self._clock())
        self.tree.keep("chosen", chosen)
        if not same or interrupted or one.regrown:
            one.tidy()
        self.tree.keep("unfinished", None)
        one.sweep(self._clock())
        return one.done
