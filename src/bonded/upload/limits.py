"""What an upload may be: caps and policies, set by whoever wires the house."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from bonded.facts.archive import Budget

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Caps in bytes, and policies.

    `linux_tags`: wheels tagged linux_*, which run on one distribution only. `local_versions`: versions like 1.0+build.
    `direct_references`: requirements that name a URL. `exact_names`: file names must be in the exact normal form (PEP 625
    and the wheel specification), as every build tool of today writes them; older files of other indexes may need False.
    `prohibited`: normalized project names that nobody may register. `freeze_after`: how long after its first file a release
    takes further files, None for ever.
    """

    max_file_bytes: int = 1024 * MIB
    max_form_bytes: int = 64 * MIB
    max_form_fields: int = 20_000
    linux_tags: bool = True
    local_versions: bool = True
    direct_references: bool = False
    exact_names: bool = True
    prohibited: frozenset[str] = frozenset()
    freeze_after: timedelta | None = None
    budget: Budget = field(default_factory=Budget)
