"""What fsck looks at: the database and the two stores, at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from bonded.db.engine import Database
from bonded.ops.disagreements import Disagreement
from bonded.seams import Storage


@dataclass(frozen=True, slots=True)
class Ground:
    """Read-only view for the looks. `root` is the root metadata that users are given; `now` judges expiry and age."""

    db: Database
    vault: Storage
    public: Storage
    root: bytes
    now: datetime


Look = Callable[[Ground], Iterator[Disagreement]]
