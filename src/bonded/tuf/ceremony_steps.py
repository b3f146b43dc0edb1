"""Which metadata a change of the offline roles needs, as steps that never strand a client. Pure.

Root is trusted the moment it exists, and clients hold older metadata for a while, so keys are joined before they are
replaced: old and new together first, the new alone later. One ceremony signs every step; they are released in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bonded.tuf.offline import (
    Bins,
    KeySet,
    Offline,
    StepValues,
    Value,
    bin_keys,
    bins_of,
    bins_value,
    delegated_keys,
    root_value,
    targets_value,
    top_keys,
)
from bonded.tuf.transcript import CeremonyRefused


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the offline roles shall say in the end.

    `targets` signs targets, pages and bins; `one_time` are the ids among them that are destroyed after this ceremony;
    `names`: key id -> name. `root_only`: only root is made anew. `compromised`: an online key is in wrong hands, so the
    old one is dropped at once and in one step, whatever clients see between two puts.
    """

    root: KeySet
    targets: KeySet
    online: KeySet
    page_bins: int
    bins: int
    root_expires: datetime
    offline_expires: datetime
    names: Mapping[str, str]
    one_time: frozenset[str] = frozenset()
    root_only: bool = False
    compromised: bool = False


def plan(base: Offline | None, want: Wanted) -> tuple[StepValues, ...]:
    """The steps from `base` (None: a new index) to what is wanted. Raises CeremonyRefused for what cannot be."""
    if base is None:
        return (StepValues("first", _all(want, (0, 0, 0, 0), Bins(want.page_bins), Bins(want.bins))),)
    if want.compromised:
        _check_replaced(base, want)
        versions = tuple(int(base.of(role)["version"]) for role in ("root", "targets", "pages", "bins"))
        return (StepValues("replace", _all(want, versions, *_next_bins(base, want))),)
    if want.root_only:
        _check_root_only(base, want)
        return (StepValues("root", {"root": _root(base, want, want.targets, want.online)}),)
    return _joined(base, want)


def _all(want: Wanted, versions: tuple[int, ...], page_bins: Bins, bins: Bins) -> dict[str, Value]:
    """Every role, one after `versions`, as wanted in the end."""
    root, targets, pages, files = (version + 1 for version in versions)
    end = want.offline_expires
    return {
        "root": _root_value(root, want, want.targets, want.online),
        "targets": targets_value(targets, end, pages=want.targets, bins=want.targets),
        "pages": bins_value("pages", pages, end, bins=page_bins, online=want.online),
        "bins": bins_value("bins", files, end, bins=bins, online=want.online),
    }


def _joined(base: Offline, want: Wanted) -> tuple[StepValues, ...]:
    """Root with old and new keys; the roles below it; the new online key and the new bins alone; the last root."""
    old_targets, old_online = top_keys(base.root, "targets"), online_keys(base)
    targets = _join(old_targets, want.targets)
    online = _join(old_online, want.online)
    now_bins = {role: bins_of(base.of(role)) for role in ("pages", "bins")}
    steps: list[StepValues] = []

    def add(name: str, values: dict[str, Value], after: str) -> None:
        nonlocal base
        steps.append(StepValues(name, values, after if steps else ""))
        base = base.with_values(values)

    add("root", {"root": _root(base, want, targets, old_online)}, "")
    top = targets_value(_next(base, "targets"), want.offline_expires, pages=want.targets, bins=want.targets)
    below = {role: _bins(base, role, want, bins, online) for role, bins in now_bins.items()}
    add("metadata", {"targets": top, **below}, "" if targets == old_targets else "settled")
    if online != want.online:
        add(
            "online-key",
            {role: _bins(base, role, want, bins, want.online) for role, bins in now_bins.items()},
            "bins-signed",
        )
    resized = {
        role: _bins(base, role, want, bins, want.online)
        for role, bins in zip(now_bins, _next_bins(base, want), strict=True)
        if bins != now_bins[role]
    }
    if resized:
        add("resize", resized, "bins-written")
    if targets != want.targets or online != want.online:
        add("last-root", {"root": _root(base, want, want.targets, want.online)}, "settled")
    return tuple(steps)


def _join(old: KeySet, new: KeySet) -> KeySet:
    return old if old == new else old.also(new)


def _bins(base: Offline, role: str, want: Wanted, bins: Bins, online: KeySet) -> Value:
    return bins_value(role, _next(base, role), want.offline_expires, bins=bins, online=online)


def _next(base: Offline, role: str) -> int:
    return int(base.of(role)["version"]) + 1


def _root(base: Offline, want: Wanted, targets: KeySet, online: KeySet) -> Value:
    return _root_value(_next(base, "root"), want, targets, online)


def _root_value(version: int, want: Wanted, targets: KeySet, online: KeySet) -> Value:
    keys = {*want.root.keys, *targets.keys, *online.keys}
    names = {keyid: name for keyid, name in want.names.items() if keyid in keys}
    once = sorted(want.one_time & set(targets.keys))
    return root_value(
        version, want.root_expires, root=want.root, targets=targets, online=online, names=names, one_time=once
    )


def _next_bins(base: Offline, want: Wanted) -> tuple[Bins, Bins]:
    """The bins that are wanted: another number of them is another generation."""
    pages, files = bins_of(base.pages), bins_of(base.bins)
    return (
        pages
        if pages.count == want.page_bins
        else replace(pages, count=want.page_bins, generation=pages.generation + 1),
        files if files.count == want.bins else replace(files, count=want.bins, generation=files.generation + 1),
    )


def _check_replaced(base: Offline, want: Wanted) -> None:
    old = {keyid for keys in (top_keys(base.root, "timestamp"), bin_keys(base.pages)) for keyid in keys.keys}
    if old & set(want.online.keys):
        raise CeremonyRefused("the online key is in wrong hands, and no other one was given: say --online-key")


def _check_root_only(base: Offline, want: Wanted) -> None:
    same = want.targets == top_keys(base.root, "targets") and want.online == online_keys(base)
    if not same or _next_bins(base, want) != (bins_of(base.pages), bins_of(base.bins)):
        raise CeremonyRefused(
            "only the root keys, their threshold and root's expiry can change with root alone; leave --root-only out"
        )


def online_keys(offline: Offline) -> KeySet:
    """The online key, or both while one takes the place of the other. Raises CeremonyRefused when the roles disagree."""
    sets = [top_keys(offline.root, "timestamp"), top_keys(offline.root, "snapshot")]
    sets += [bin_keys(offline.pages), bin_keys(offline.bins)]
    if any(keys != sets[0] for keys in sets):
        raise CeremonyRefused(
            "timestamp, snapshot and bins have different keys: finish the rotation that is under way first"
        )
    return sets[0]


def offline_keys(offline: Offline) -> KeySet:
    """Who signs targets, pages and bins. Raises CeremonyRefused when the roles disagree."""
    keys = top_keys(offline.root, "targets")
    if any(delegated_keys(offline.targets, role) != keys for role in ("pages", "bins")):
        raise CeremonyRefused(
            "targets, pages and bins have different keys: finish the rotation that is under way first"
        )
    return keys
