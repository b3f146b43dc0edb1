"""What a round of the mirror is told, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass, field

Fact = tuple[int, str]
"""Length and sha256 of a target."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`projects` to mirror, normalized (none: all); downloads at once; bytes of the disk to leave free; seconds that
    superseded objects are kept for clients of the state before."""

    projects: frozenset[str] = frozenset()
    jobs: int = 8
    keep_free: int = 1 << 30
    grace: float = 7200.0

    def chosen(self, path: str) -> bool:
        """Whether a target is to be mirrored; lists of projects always are."""
        parts = path.split("/")
        return not self.projects or len(parts) == 2 or parts[1] in self.projects


@dataclass(slots=True)
class Round:
    """What a round did. `withdrawn`: names of package files taken away; `absent`: those the index lists and does not
    serve, which is how a withdrawal begins. `notes` are sentences for the person."""

    publication: int
    changed: bool = False
    records: int = 0
    pages: int = 0
    files: int = 0
    bytes: int = 0
    withdrawn: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
