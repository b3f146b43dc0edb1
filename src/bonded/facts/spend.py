"""The budget of reading Python: nodes, loop turns and decoded bytes, counted over one archive.

Counting instead of timing keeps results the same on every machine; the clock is the sandbox's last resort.
"""

from __future__ import annotations

from dataclasses import dataclass


class Exhausted(Exception):
    """A budget is used up; the reader notes it in `unread` and goes on with the next member."""


@dataclass(slots=True)
class Spend:
    """What is left. `nodes` are syntax nodes visited, `turns` loop turns folded, `octets` bytes or characters folded."""

    nodes: int = 600_000
    turns: int = 60_000
    octets: int = 24_000_000
    parsed: int = 24_000_000

    def node(self) -> None:
        self.nodes -= 1
        if self.nodes < 0:
            raise Exhausted("syntax nodes")

    def turn(self) -> bool:
        """False when no more loop turns are folded; the loop is then seen once, with unknown values."""
        self.turns -= 1
        return self.turns >= 0

    def fold(self, size: int) -> bool:
        """False when `size` more folded bytes are too many."""
        if size > 2_000_000 or size > self.octets:
            return False
        self.octets -= size
        return True

    def parse(self, size: int) -> None:
        """Account for `size` bytes of source about to be parsed. Raises Exhausted."""
        self.parsed -= size
        if self.parsed < 0:
            raise Exhausted("source bytes")
