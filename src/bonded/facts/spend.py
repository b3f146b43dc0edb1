"""The budget of reading Python: nodes, loop turns and decoded bytes, counted over one archive.

Counting instead of timing keeps results the same on every machine; the clock is the sandbox's last resort.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice


class Exhausted(Exception):
    """A budget is used up; the reader notes it in `unread` and goes on with the next member."""


_TOKEN = re.compile(rb"[\w\x80-\xff]+|[^\s\w]")
MOST_TOKENS = 400_000
"""Tokens of the largest member that is parsed: a syntax tree takes some 300 bytes for each."""


@dataclass(slots=True)
class Spend:
    """What is left. `nodes` are syntax nodes visited, `turns` loop turns folded, `octets` bytes or characters folded,
    `tokens` words and signs of source parsed."""

    nodes: int = 500_000
    turns: int = 60_000
    octets: int = 24_000_000
    tokens: int = 2_000_000

    def node(self) -> None:
        self.nodes -= 1
        if self.nodes < 0:
            raise Exhausted("syntax nodes")

    def take_turns(self, count: int) -> bool:
        """False when no more loop turns are folded; the loop is then seen once, with unknown values."""
        if count > self.turns:
            return False
        self.turns -= count
        return True

    def fold(self, size: int) -> bool:
        """False when `size` more folded bytes are too many."""
        if size > 2_000_000 or size > self.octets:
            return False
        self.octets -= size
        return True

    def parse(self, source: bytes) -> bool:
        """Account for `source`, which is about to be parsed. False when it is too long by itself. Raises Exhausted."""
        found = islice(_TOKEN.finditer(source), MOST_TOKENS + 1)
        count = sum(1 for _ in found) if len(source) > 200_000 else len(source) // 4
        if count > MOST_TOKENS:
            return False
        self.tokens -= count
        if self.tokens < 0:
            raise Exhausted("source")
        return True
