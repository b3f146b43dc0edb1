"""How a call of publish or refresh ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """How a call ended. Anything else is an exception."""

    PUBLISHED = "published"
    NOTHING = "nothing"
    """No event waits and nothing is due."""
    BUSY = "busy"
    """Another process is the publisher."""
    BURNED = "burned"
    """The number is spent and nothing of it visible: begin again at once."""


class Burned(Exception):
    """The number is spent, or another publisher was faster. Begin again: nothing of ours is visible."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`n` is the number that is live now because of the call, 0 when none; `events` how many became visible."""

    result: Result
    n: int = 0
    events: int = 0
    detail: str = ""

    def __str__(self) -> str:
        number = f" {self.n}" if self.n else ""
        return f"{self.result}{number}" + (f": {self.detail}" if self.detail else "")
