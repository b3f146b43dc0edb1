"""What fsck looks at: the database and the two stores, at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bonded.db.engine import Database
from bonded.ops.disagreements import Disagreement
from bonded.seams import Storage
from bonded.tuf.kept import Kept


@dataclass(slots=True)
class Sizes:
    """How large the largest metadata of each kind is, beside what clients accept by default, in bytes."""

    largest: dict[str, tuple[int, int]] = field(default_factory=dict)

    def saw(self, kind: str, size: int, limit: int) -> None:
        """Note one file."""
        self.largest[kind] = (max(size, self.largest.get(kind, (0, 0))[0]), limit)

    def lines(self) -> Iterator[str]:
        """One line for each kind, nearest to its limit first."""
        for kind, (size, limit) in sorted(self.largest.items(), key=lambda item: -item[1][0] / item[1][1]):
            yield f"{kind}: at most {size:,} bytes, {size / limit:.1%} of the {limit:,} that clients accept"


@dataclass(frozen=True, slots=True)
class Ground:
    """Read-only view for the looks. `root` is the root metadata that users are given; `now` judges expiry and age; `kept` are the
    copies that this host has of what was signed offline."""

    db: Database
    vault: Storage
    public: Storage
    root: bytes
    now: datetime
    sizes: Sizes = field(default_factory=Sizes)
    """Filled while metadata are read."""
    kept: Sequence[Kept] = ()
    directory: Path | None = None
    """The data directory of this machine, None where nobody asks what lies in it."""


Look = Callable[[Ground], Iterator[Disagreement]]
