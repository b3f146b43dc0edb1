"""Which members of two archives belong together, and what became of each. Pure: decides on names and hashes only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

Member = tuple[str, int, str]
"""(path, size, sha256)"""

_SHARED_TOPS = ("src/", "lib/", "python/")
_WHEEL_FOLDER = re.compile(r"^[^/]+\.(dist-info|data)/")
_RUNS_EARLY = ("setup.py", "setup.cfg", "pyproject.toml", "sitecustomize.py", "usercustomize.py")
_CODE = (".py", ".pyw", ".pyi", ".pth", ".sh", ".bat", ".ps1", ".js", ".c", ".cpp", ".pyx", ".toml", ".cfg", ".ini")
_LISTS = ("/RECORD", "/SOURCES.txt")
"""Lists of the other members: they change with every release and say nothing of their own."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a member: `kind` is added, removed, changed or moved. Sizes in bytes, 0 where there is no member."""

    kind: str
    old: str | None
    new: str | None
    old_size: int
    new_size: int

    @property
    def path(self) -> str:
        return self.new or self.old or ""

    @property
    def by_line(self) -> bool:
        """Whether a difference by lines is wanted: of what the new archive brings."""
        return self.kind in ("changed", "added") and not self.path.endswith(_LISTS)


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes, what runs soonest first; and how many members are the same."""

    changes: tuple[Change, ...]
    same: int


def is_wheel(filename: str) -> bool:
    """Whether the name is that of a wheel."""
    return filename.endswith(".whl")


def plan(old_name: str, old: Iterable[Member], new_name: str, new: Iterable[Member]) -> Plan:
    """Pair the members of two archives: by where they will lie when installed, then by content."""
    mixed = is_wheel(old_name) != is_wheel(new_name)
    before = {place(old_name, one[0], mixed=mixed): one for one in old}
    after = {place(new_name, one[0], mixed=mixed): one for one in new}
    both = before.keys() & after.keys()
    changes = [_changed(before[at], after[at]) for at in both if before[at][2] != after[at][2]]
    same = len(both) - len(changes)
    gone = {before[at][2]: before[at] for at in sorted(before.keys() - both)}
    for at in sorted(after.keys() - both):
        path, size, digest = after[at]
        source = gone.pop(digest, None)
        if source is None:
            changes.append(Change("added", None, path, 0, size))
        else:
            changes.append(Change("moved", source[0], path, source[1], size))
    moved = {change.old for change in changes if change.kind == "moved"}
    left = [before[at] for at in before.keys() - both if before[at][0] not in moved]
    changes += [Change("removed", path, None, size, 0) for path, size, _ in left]
    return Plan(tuple(sorted(changes, key=_soonest)), same)


def place(filename: str, path: str, *, mixed: bool) -> str:
    """Where a member belongs, without the version in its name; with `mixed`, the same for an sdist and its wheel."""
    if is_wheel(filename):
        return _WHEEL_FOLDER.sub(r"*.\1/", path)
    inner = path.partition("/")[2] or path
    if mixed:
        for top in _SHARED_TOPS:
            inner = inner.removeprefix(top)
    return inner


def _changed(before: Member, after: Member) -> Change:
    return Change("changed", before[0], after[0], before[1], after[1])


def _soonest(change: Change) -> tuple[int, int, str]:
    """What runs when it is installed or imported comes first; what is only gone comes last."""
    name = change.path.rpartition("/")[2]
    if name in _RUNS_EARLY or name.endswith(".pth"):
        soon = 0
    elif name == "__init__.py":
        soon = 1
    else:
        soon = 2 if name.endswith(_CODE) else 3
    late = {"changed": 0, "added": 0, "moved": 1, "removed": 2}[change.kind]
    return late, soon, change.path
