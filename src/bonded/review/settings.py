"""What the jobs of review work with."""

from __future__ import annotations

from dataclasses import dataclass

from bonded.db.engine import Database
from bonded.seams import Sandbox, Storage


@dataclass(frozen=True, slots=True)
class ReviewContext:
    """Archives are opened in the sandbox only, under the limits of one child."""

    db: Database
    vault: Storage
    sandbox: Sandbox
    cpu_seconds: float = 20.0
    memory_bytes: int = 512 * 1024 * 1024
