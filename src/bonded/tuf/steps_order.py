"""May these steps be released in this order, whatever a client holds at that moment? Pure.

Root is trusted the moment it exists; caches and running clients hold older files for a while. So whatever is new must go
with everything that may still be held: a client may have any root since the last wait, and read any targets, timestamp or
snapshot since then. `ceremony_check` says whether the files themselves are right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from bonded.tuf.offline import KINDS, KeySet, Offline, Step, Value, bin_keys, bins_of, delegated_keys, top_keys
from bonded.tuf.steps import ONLINE, BadSteps, listed_online

AFTER = ("", "settled", "bins-signed", "bins-written")


@dataclass(slots=True)
class _Held:
    """What clients may hold at one moment, by the key ids that signed it."""

    roots: list[Value]
    targets: list[frozenset[str]]
    pointers: list[frozenset[str]]
    bins: frozenset[str]
    files: dict[str, frozenset[str]]
    offline: Offline
    place: str = ""


def check_order(base: Offline, files: dict[str, bytes], steps: Sequence[Step]) -> None:
    """Raise BadSteps when a client could be stranded between two of `steps`.

    `base`: today's offline roles; `files`: role -> today's file of targets, pages and bins.
    """
    everyone = listed_online(steps)
    held = _Held(
        roots=[base.root],
        targets=[_signed_by(files["targets"])],
        pointers=[_ids([top_keys(base.root, role) for role in ONLINE])],
        bins=_ids([bin_keys(base.of(role)) for role in KINDS]),
        files={role: _signed_by(files[role]) for role in KINDS},
        offline=base,
    )
    for number, step in enumerate(steps, 1):
        held.place = f"step {number} ({step.name})"
        if step.after not in AFTER:
            raise BadSteps(f"{held.place} asks for what no publisher waits for: {step.after!r}")
        if step.after == "settled":
            held.roots, held.targets, held.pointers = held.roots[-1:], held.targets[-1:], [everyone]
        if step.after == "bins-signed":
            held.bins = everyone
        _release(held, step)


def _release(held: _Held, step: Step) -> None:
    before = held.offline
    held.offline = before.with_values(step.signed)
    if "root" in step.files:
        _check_root(held)
    if "targets" in step.files:
        _check_targets(held, _signed_by(step.files["targets"]))
    for role in KINDS:
        if role in step.files:
            held.files[role] = _signed_by(step.files[role])
            _check_bins(held, role, before, step)
        if "targets" in step.files and not _enough(held.files[role], delegated_keys(held.offline.targets, role)):
            raise BadSteps(f"{held.place}: {role} is not signed by the keys that the new targets list")


def _check_root(held: _Held) -> None:
    root = held.offline.root
    for ids in held.pointers:
        if not all(_enough(ids, top_keys(root, role)) for role in ONLINE):
            raise BadSteps(
                f"{held.place}: clients trust this root the moment it exists, and would refuse the timestamp, which its "
                "keys have not signed; it must wait until the step before is settled. (When a key is in wrong hands, "
                "there is no time for that: `bonded tuf recover`.)"
            )
    if not all(_enough(ids, top_keys(root, "targets")) for ids in held.targets):
        raise BadSteps(
            f"{held.place}: clients trust this root the moment it exists, and would refuse the targets that they may "
            "still read, which its keys have not signed"
        )
    held.roots.append(root)


def _check_targets(held: _Held, ids: frozenset[str]) -> None:
    if not all(_enough(ids, top_keys(root, "targets")) for root in held.roots):
        raise BadSteps(
            f"{held.place}: clients that still hold the older root would refuse these targets; "
            "it must wait until the root before it is settled"
        )
    held.targets.append(ids)


def _check_bins(held: _Held, role: str, before: Offline, step: Step) -> None:
    keys = bin_keys(held.offline.of(role))
    if bins_of(held.offline.of(role)) != bins_of(before.of(role)):
        if step.after != "bins-written":
            raise BadSteps(f"{held.place}: {role} names other bins, so it must wait until those are written")
        if bins_of(held.offline.of(role)).generation <= bins_of(before.of(role)).generation:
            raise BadSteps(f"{held.place}: another number of bins needs a new generation: snapshot entries never go")
    elif not _enough(held.bins, keys):
        raise BadSteps(f"{held.place}: no bin is signed by the keys that {role} lists; it must wait until they are")


def _enough(ids: frozenset[str], keys: KeySet) -> bool:
    return len(ids & set(keys.keys)) >= keys.threshold


def _ids(sets: Iterable[KeySet]) -> frozenset[str]:
    """The ids that are in every one of `sets`: who has signed all of it."""
    return frozenset.intersection(*(frozenset(keys.keys) for keys in sets))


def _signed_by(data: bytes) -> frozenset[str]:
    return frozenset(str(s["keyid"]) for s in orjson.loads(data)["signatures"])
