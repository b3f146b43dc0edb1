"""Changing keys: what is asked becomes steps, which are checked wholly once signed, and handed to the publisher.

Old and new keys are named together first, the new ones alone later (`steps_order` says why). With development keys the
command signs the steps at once (`rotate_dev`); otherwise they come from a ceremony, which plans its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bonded.db.engine import Database
from bonded.seams import Storage
from bonded.tuf.ceremony_check import check_steps
from bonded.tuf.ceremony_import import Live, read_live
from bonded.tuf.offline import (
    KINDS,
    OFFLINE,
    KeySet,
    Offline,
    Step,
    StepValues,
    Value,
    bin_keys,
    bins_of,
    bins_value,
    names_of,
    root_value,
    targets_value,
    top_keys,
)
from bonded.tuf.steps import BadSteps, StepSequence
from bonded.tuf.steps_order import check_order
from bonded.tuf.steps_rows import begin


def live_offline(public: Storage) -> Live:
    """Today's offline roles, verified. Raises BadSteps where there is no repository, Untrusted, CeremonyRefused."""
    live = read_live(public)
    if live is None:
        raise BadSteps("there is no repository yet: hold the first ceremony (`bonded tuf ceremony`)")
    return live


def online_now(base: Offline) -> KeySet:
    """The online keys: several while one takes the place of another, or where such a change was given up half-way."""
    keys = top_keys(base.root, "timestamp")
    for role in KINDS:
        if bin_keys(base.of(role)) != keys:
            keys = keys.also(bin_keys(base.of(role)))
    return keys


def new_online_key(base: Offline, online: KeySet, now: datetime) -> tuple[StepValues, ...]:
    """The steps to `online` for timestamp, snapshot and bins: pages and bins first, root last."""
    both = online_now(base).also(online)
    return (
        StepValues("both-keys", _below(base, 1, both, now)),
        StepValues("new-key", _below(base, 2, online, now), "bins-signed"),
        StepValues("root", {"root": _root(base, 1, now, online=online)}, "settled"),
    )


def new_root_keys(base: Offline, root: KeySet, now: datetime) -> tuple[StepValues, ...]:
    """One root, to be signed by the old and by the new root keys."""
    return (StepValues("root", {"root": _root(base, 1, now, root=root)}),)


def new_offline_keys(base: Offline, targets: KeySet, now: datetime) -> tuple[StepValues, ...]:
    """The steps to `targets` as the keys of targets, pages and bins; the old ones need not exist any more."""
    both, version = top_keys(base.root, "targets").also(targets), int(base.targets["version"]) + 1
    top = targets_value(version, now + OFFLINE, pages=targets, bins=targets)
    return (
        StepValues("both-keys", {"root": _root(base, 1, now, targets=both)}),
        StepValues("new-keys", {"targets": top, **_below(base, 1, online_now(base), now)}, "settled"),
        StepValues("root", {"root": _root(base, 2, now, targets=targets)}, "settled"),
    )


def _below(base: Offline, later: int, online: KeySet, now: datetime) -> dict[str, Value]:
    """Pages and bins, `later` versions on, with the bins that there are."""
    return {
        role: bins_value(
            role, int(base.of(role)["version"]) + later, now + OFFLINE, bins=bins_of(base.of(role)), online=online
        )
        for role in KINDS
    }


def _root(base: Offline, later: int, now: datetime, **changed: KeySet) -> Value:
    """Root, `later` versions on, with the keys of "root", "targets" or "online" changed."""
    now_keys = {name: top_keys(base.root, name) for name in ("root", "targets")}
    keys = now_keys | {"online": top_keys(base.root, "timestamp")} | changed
    extra = base.root.get("x-bonded", {})
    return root_value(
        int(base.root["version"]) + later,
        now + OFFLINE,
        root=keys["root"],
        targets=keys["targets"],
        online=keys["online"],
        names=names_of(base.root),
        development=bool(extra.get("development")),
    )


def begin_change(
    db: Database,
    public: Storage,
    kind: str,
    steps: Iterable[Step],
    *,
    rest: timedelta,
    now: datetime,
) -> StepSequence:
    """Check signed steps against what is live and write them down; a running publisher releases them.

    `rest`: timestamp TTL plus the longest client run. Raises BadSteps, CeremonyRefused; then nothing was changed.
    """
    whole = tuple(steps)
    live = live_offline(public)
    check_steps(live.offline, whole, now)
    check_order(live.offline, dict(live.files), whole)
    with db.write() as tx:
        return begin(tx, kind, whole, rest, now)
