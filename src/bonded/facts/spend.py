"""The budget of reading Python: nodes, loop turns and decoded bytes, counted over one archive.

Counting instead of timing keeps results the same on every machine; the clock is the sandbox's last resort.
"""

from __future__ import annotations

from dataclasses import dataclass


class Exhausted(Exception):
    """A budget is used up; the reader notes it in `unread` and goes on with the next member."""


_WORD = bytes(n for n in range(256) if n > 127 or chr(n).isalnum() or n == ord("_"))
_SPACE = b" \t\n\r\f\v"
_WORDS_ONLY = bytes(n if n in _WORD else 32 for n in range(256))
_PIECE = 65_536
MOST_TOKENS = 400_000
"""Tokens of the largest member that is parsed: a syntax tree takes some 300 bytes for each."""


@dataclass(slots=True)
class Spend:
    """What is left. `nodes` are syntax nodes visited, `turns` loop turns folded, `octets` bytes or characters folded,
    `tokens` words and signs of source parsed, `pieces` of sources that cannot be parsed as a whole,
    `letters` bytes looked through for names in other letters."""

    nodes: int = 500_000
    turns: int = 60_000
    octets: int = 24_000_000
    tokens: int = 2_000_000
    pieces: int = 20_000
    letters: int = 200_000
    refused: int = 0
    """How often something was left out because too little was left: with more, the result would be another."""

    def node(self) -> None:
        self.nodes -= 1
        if self.nodes < 0:
            raise Exhausted("syntax nodes")

    def take_turns(self, count: int) -> bool:
        """False when no more loop turns are folded; the loop is then seen once, with unknown values."""
        if count > self.turns:
            self.refused += 1
            return False
        self.turns -= count
        return True

    def fold(self, size: int) -> bool:
        """False when `size` more folded bytes are too many."""
        if size > 2_000_000:
            return False
        if size > self.octets:
            self.refused += 1
            return False
        self.octets -= size
        return True

    def left(self) -> tuple[int, ...]:
        """What is left for reading modules."""
        return self.nodes, self.turns, self.octets, self.tokens, self.pieces

    def has(self, spent: tuple[int, ...]) -> bool:
        """Whether as much is left as `spent`."""
        return all(one >= other for one, other in zip(self.left(), spent, strict=True))

    def take(self, spent: tuple[int, ...]) -> None:
        """Account for what was spent on the same bytes before."""
        nodes, turns, octets, tokens, pieces = spent
        self.nodes -= nodes
        self.turns -= turns
        self.octets -= octets
        self.tokens -= tokens
        self.pieces -= pieces

    def parse(self, source: bytes) -> bool:
        """Account for `source`, which is about to be parsed. False when it is too long by itself. Raises Exhausted."""
        count = _tokens(source) if len(source) > 200_000 else len(source) // 4
        if count > MOST_TOKENS:
            return False
        self.tokens -= count
        if self.tokens < 0:
            raise Exhausted("source")
        return True


def _tokens(source: bytes) -> int:
    """Words and signs of `source`, as far as they matter: a word that crosses a piece counts twice."""
    count = len(source.translate(None, delete=_WORD + _SPACE))
    for at in range(0, len(source), _PIECE):
        if count > MOST_TOKENS:
            break
        count += len(source[at : at + _PIECE].translate(_WORDS_ONLY).split())
    return count
