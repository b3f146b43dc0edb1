"""Budgets of reading an archive, and the meter that counts against them. They count, never time: same bytes, same result."""

from __future__ import annotations

from dataclasses import dataclass

from bonded.facts.archive_member import Broken

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of an archive is read. Bytes unless said otherwise.

    `total_bytes`: unpacked, of all members. `members`: how many. `ratio`: unpacked to packed bytes, asked only once
    `ratio_from` bytes are unpacked (deflate reaches 1,032). `depth`: path components. `path_bytes`: one path in UTF-8.
    `kept_bytes` and `member_kept_bytes`: contents kept in memory, of all members and of one.
    """

    total_bytes: int = 8 * 1024 * MIB
    members: int = 60_000
    ratio: int = 100
    ratio_from: int = 64 * MIB
    depth: int = 64
    path_bytes: int = 1024
    kept_bytes: int = 64 * MIB
    member_kept_bytes: int = 32 * MIB


class Meter:
    """Counts one archive against its budget. `packed` is the archive's bytes consumed (tar) or its size (zip)."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.packed = 0
        self.unpacked = 0
        self.members = 0
        self.kept = 0

    def member(self) -> None:
        """Count one member. Raises Broken (too-many-members)."""
        self.members += 1
        if self.members > self.budget.members:
            raise Broken("too-many-members", f"the archive has more than {self.budget.members} members")

    def bytes(self, count: int) -> None:
        """Count bytes really unpacked. Raises Broken (too-large, bomb)."""
        self.unpacked += count
        if self.unpacked > self.budget.total_bytes:
            raise Broken("too-large", f"the archive unpacks to more than {self.budget.total_bytes} bytes")
        if self.unpacked > self.budget.ratio_from and self.unpacked > self.budget.ratio * max(self.packed, 1):
            raise Broken("bomb", f"the archive unpacks to more than {self.budget.ratio} times its size")

    def keep(self, size: int) -> bool:
        """Whether `size` more bytes may be kept in memory; counts them if so."""
        if size > self.budget.member_kept_bytes or self.kept + size > self.budget.kept_bytes:
            return False
        self.kept += size
        return True
