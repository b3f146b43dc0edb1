"""Following the public record: `publications/N.json`, each naming the one before it by digest, back to the first.

`compare` folds the whole record and sets it against what the live bins sign: after a doubt, this says which targets were
never announced. `since` sets what the live bins sign against a publication that is known to be good: whoever signed
meanwhile, and whatever was announced or not. Both hold one bin at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import dropwhile
from typing import Any

from bonded.seams import Storage
from bonded.tuf.base import read_base
from bonded.tuf.binfile import Target
from bonded.tuf.folded import Folded
from bonded.tuf.packs import Anchor, chain
from bonded.tuf.recover_anchor import known_good
from bonded.tuf.recover_live import Live, read_live
from bonded.tuf.threads import ahead

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

    def add(self, other: Difference) -> None:
        """Take in what another set of paths differs in."""
        self.added |= other.added
        self.removed |= other.removed
        self.changed |= other.changed


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
    with Folded() as folded:
        folded.follow(chain(public, base))
        count, found = _against(public, read_live(public), folded)
        return Comparison(base.n, folded.publications, count, found)


def since(public: Storage, good: int, anchor: Anchor | None = None) -> tuple[int, Difference]:
    """(live publication, what the live bins sign otherwise than publication `good`, or the newest one before it).

    `anchor` is what somebody else knows of `good` (a database, an auditor); without it the live record must lead there.
    Raises Untrusted when the record or a bin does not verify, LookupError when the record does not reach back to `good`.
    """
    live = read_live(public)
    start = anchor or known_good(public, good)
    with Folded() as folded:
        folded.follow(dropwhile(lambda link: link.n > good, chain(public, start)))
        return live.n, _against(public, live, folded)[1]


def _against(public: Storage, live: Live, folded: Folded) -> tuple[int, Difference]:
    """How many targets are live, and what distinguishes them from the folded ones, bin by bin."""
    found, count = Difference(), 0
    for role, targets in live_bins(public, live):
        count += len(targets)
        found.add(difference(folded.bin(live.trust.layout, role), targets))
    return count, found


def live_bins(public: Storage, live: Live) -> Iterator[tuple[str, Targets]]:
    """Each live bin with its targets, its signature verified. Raises Untrusted."""
    roles = [role for bins in (live.trust.layout.pages, live.trust.layout.files) for role in bins.names()]
    yield from zip(roles, ahead(partial(live.targets, public), roles, public.at_once), strict=True)


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


def as_target(facts: Mapping[str, Any] | None) -> Target | None:
    """A target as records write it."""
    return None if facts is None else Target(facts["sha256"], facts["length"])
