"""Following the public record: `publications/N.json`, each naming the one before it by digest, back to the first.

`compare` folds the whole record and sets it against what the live bins sign: after a doubt, this says which targets were
never announced. `since` says what was added, changed and removed after a publication that is known to be good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from bonded.seams import Storage
from bonded.tuf.base import Base, read_base, signed_bin
from bonded.tuf.binfile import Target
from bonded.tuf.packs import Link, chain

Targets = dict[str, Target]


@dataclass(slots=True)
class Difference:
    """What distinguishes two sets of targets: path -> (before, after)."""

    added: Targets = field(default_factory=dict)
    removed: Targets = field(default_factory=dict)
    changed: dict[str, tuple[Target, Target]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The record against the live bins. `difference.added` are targets in bins that no publication announced."""

    live: int
    publications: int
    targets: int
    difference: Difference


def compare(public: Storage) -> Comparison:
    """Fold the whole record and compare it with every live bin, signatures verified.

    Raises Untrusted when metadata or the record do not verify, NotStored when an object is missing.
    """
    base = read_base(public)
    links = list(chain(public, base))
    folded = fold(link.changes for link in reversed(links))
    live = live_targets(public, base)
    return Comparison(base.n, len(links), len(live), difference(folded, live))


def since(public: Storage, good: int) -> tuple[int, Difference]:
    """(live publication, what changed after publication `good`), from the record alone.

    Raises Untrusted when the record does not verify, LookupError when the record does not reach back to `good`.
    """
    base = read_base(public)
    later: list[Link] = []
    for link in chain(public, base):
        if link.n <= good:
            return base.n, changes_of(link.changes for link in reversed(later))
        later.append(link)
    raise LookupError(f"the record begins after publication {good}")


def fold(records: Iterable[Mapping[str, Any]]) -> Targets:
    """The targets after all changes, oldest first. Pure."""
    targets: Targets = {}
    for record in records:
        for path, change in record["targets"].items():
            new = as_target(change["new"])
            if new is None:
                targets.pop(path, None)
            else:
                targets[path] = new
    return targets


def changes_of(records: Iterable[Mapping[str, Any]]) -> Difference:
    """First old and last new facts of every target that the records (oldest first) touch. Pure."""
    before: dict[str, Target | None] = {}
    after: dict[str, Target | None] = {}
    for record in records:
        for path, change in record["targets"].items():
            before.setdefault(path, as_target(change["old"]))
            after[path] = as_target(change["new"])
    return difference(
        {path: t for path, t in before.items() if t is not None},
        {path: t for path, t in after.items() if t is not None},
    )


def difference(before: Targets, after: Targets) -> Difference:
    """What turns `before` into `after`. Pure."""
    found = Difference()
    for path in sorted(after.keys() - before.keys()):
        found.added[path] = after[path]
    for path in sorted(before.keys() - after.keys()):
        found.removed[path] = before[path]
    for path in sorted(before.keys() & after.keys()):
        if before[path] != after[path]:
            found.changed[path] = (before[path], after[path])
    return found


def live_targets(public: Storage, base: Base) -> Targets:
    """Every target that the live bins list. Raises Untrusted."""
    targets: Targets = {}
    layout = base.trust.layout
    for bins in (layout.pages, layout.files):
        for role in bins.names():
            signed = signed_bin(public, base.trust, role, base.versions[role])[1]
            for path, info in orjson.loads(signed)["targets"].items():
                targets[path] = Target(info["hashes"]["sha256"], info["length"])
    return targets


def as_target(facts: Mapping[str, Any] | None) -> Target | None:
    """A target as records write it."""
    return None if facts is None else Target(facts["sha256"], facts["length"])
