"""Are offline metadata signed as they must be, and may they follow what clients trust today? Pure.

Every answer is one sentence: a signature by an unknown key, below the threshold, over other bytes; expired; the wrong
version; a role that says other things than this publisher's offline roles do (TUF specification, section 5.3).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from tuf.api.metadata import Root, Targets  # type: ignore[attr-defined]

from bonded.tuf.binfile import read_utc
from bonded.tuf.canonical import NotCanonical
from bonded.tuf.ceremony_keys import fingerprint
from bonded.tuf.offline import (
    KINDS,
    PATHS,
    ROLES,
    BadBinCount,
    BadKeys,
    KeySet,
    Offline,
    Step,
    Value,
    bin_keys,
    bins_of,
    delegated_keys,
    names_of,
    payload,
    top_keys,
)
from bonded.tuf.transcript import CeremonyRefused, verifies


@dataclass(frozen=True, slots=True)
class Need:
    """Who must sign one role of one step: each of `sets` by its own threshold (root: the old and the new keys)."""

    step: int
    role: str
    version: int
    sets: tuple[KeySet, ...]

    @property
    def keyids(self) -> set[str]:
        """Everyone whose signature counts."""
        return {keyid for keys in self.sets for keyid in keys.keys}

    def key(self, keyid: str) -> Mapping[str, Any]:
        """The public key. Raises KeyError."""
        return next(keys.keys[keyid] for keys in self.sets if keyid in keys.keys)

    def missing(self, signed: Iterable[str]) -> int:
        """How many signatures are missing still, given the ids that have signed."""
        have = set(signed)
        return max(keys.threshold - len(have & set(keys.keys)) for keys in self.sets)


def needs(base: Offline | None, steps: Sequence[Mapping[str, Value]]) -> list[Need]:
    """What must be signed by whom, in order. `base`: what clients trust today, None for a new index."""
    found: list[Need] = []
    for number, values in enumerate(steps):
        after = base.with_values(values) if base else Offline(**{role: values[role] for role in ROLES})
        for role in sorted(values, key=ROLES.index):
            old = (base.signers_of("root"),) if role == "root" and base is not None else ()
            sets: tuple[KeySet, ...] = (*old, after.signers_of(role))
            found.append(Need(number, role, int(values[role]["version"]), sets))
        base = after
    return found


def check_values(base: Offline | None, steps: Sequence[Mapping[str, Value]], now: datetime) -> None:
    """Raise CeremonyRefused unless these steps may follow `base`: whole, well formed, in order, not expired."""
    if not steps:
        raise CeremonyRefused("there is no metadata in it")
    if base is None and set(steps[0]) != set(ROLES):
        raise CeremonyRefused("a new index begins with root, targets, pages and bins together")
    for values in steps:
        for role in sorted(values, key=lambda r: ROLES.index(r) if r in ROLES else -1):
            check_form(role, values[role])
            _check_version(role, values[role], base.of(role) if base else None)
            _check_expiry(role, values[role], now)
        base = base.with_values(values) if base else Offline(**{role: values[role] for role in ROLES})
    assert base is not None
    _check_whole(
        base
    )  # on the way, bins may be signed by the new key while the timestamp is still signed by the old one


def _check_version(role: str, value: Value, before: Value | None) -> None:
    version, old = int(value["version"]), int(before["version"]) if before else 0
    if version != old + 1:
        raise CeremonyRefused(
            f"this is {role} version {version}; after version {old}, which clients trust, only {old + 1} may follow"
            if old
            else f"this is {role} version {version}; the first version of a new index is 1"
        )


def _check_expiry(role: str, value: Value, now: datetime) -> None:
    expires = read_utc(value["expires"])
    if expires <= now:
        raise CeremonyRefused(
            f"{role} version {value['version']} expired at {expires:%Y-%m-%d %H:%M} UTC (it is {now:%Y-%m-%d %H:%M} now)"
        )


def check_form(role: str, value: Value) -> None:
    """Raise CeremonyRefused unless `value` is an offline role as this publisher makes it."""
    try:
        if role not in ROLES:
            raise ValueError("it is not one of " + ", ".join(ROLES))
        if value["_type"] != ("root" if role == "root" else "targets"):
            raise ValueError(f"its type is {value['_type']}")
        payload(value)
        (Root if role == "root" else Targets).from_dict(copy.deepcopy(value))
        read_utc(value["expires"])
        _check_content(role, value)
    except (BadBinCount, BadKeys, KeyError, NotCanonical, TypeError, ValueError) as error:
        raise CeremonyRefused(f"{role} is not as it must be: {error}") from None


def _check_content(role: str, value: Value) -> None:
    """Raises ValueError."""
    if role == "root":
        if value["consistent_snapshot"] is not True:
            raise ValueError("consistent snapshots are off")
        for name in ("root", "targets", "timestamp", "snapshot"):
            top_keys(value, name)
        return
    if value["targets"]:
        raise ValueError("it names targets of its own")
    if role == "targets":
        roles = value["delegations"]["roles"]
        if {entry["name"]: entry["paths"] for entry in roles} != PATHS or len(roles) != len(PATHS):
            raise ValueError("it delegates to other roles or paths than pages and bins")
        if not all(entry["terminating"] is True for entry in roles):
            raise ValueError("its delegations do not end the search")
        for name in PATHS:
            delegated_keys(value, name)
        return
    bin_keys(value)
    prefix = f"{KINDS[role]}-{bins_of(value).generation}"
    if value["delegations"]["succinct_roles"]["name_prefix"] != prefix:
        raise ValueError(f"its bins are not called {prefix}")


def _check_whole(offline: Offline) -> None:
    """Some online key must be able to sign the timestamp, the snapshot and every bin."""
    top = set(top_keys(offline.root, "timestamp").keys) & set(top_keys(offline.root, "snapshot").keys)
    for role in KINDS:
        if not top & set(bin_keys(offline.of(role)).keys):
            raise CeremonyRefused(f"after the last step no online key could sign both timestamp and the bins of {role}")


def check_steps(base: Offline | None, steps: Sequence[Step], now: datetime) -> Offline:
    """Verify signed steps wholly against what clients trust; returns the offline roles after the last step.

    Raises CeremonyRefused.
    """
    values = [step.signed for step in steps]
    check_values(base, values, now)
    for need in needs(base, values):
        names = _names(base, values)
        check_file(need, steps[need.step].files[need.role], names)
    after = base
    for one in values:
        after = after.with_values(one) if after else Offline(**{role: one[role] for role in ROLES})
    assert after is not None
    return after


def _names(base: Offline | None, steps: Sequence[Mapping[str, Value]]) -> dict[str, str]:
    names = names_of(base.root) if base else {}
    for values in steps:
        names |= names_of(values["root"]) if "root" in values else {}
    return names


def check_file(need: Need, data: bytes, names: Mapping[str, str], *, others: bool = False) -> None:
    """Raise CeremonyRefused unless the file is signed by enough of the right keys, and by nobody else.

    With `others`, further signatures do not count: files signed during a rotation carry some of keys that have gone since.
    """
    value = orjson.loads(data)
    good: set[str] = set()
    for signature in value["signatures"]:
        if others and str(signature["keyid"]) not in need.keyids:
            continue
        check_signature(need, str(signature["keyid"]), str(signature["sig"]), payload(value["signed"]), names)
        good.add(str(signature["keyid"]))
    short = need.missing(good)
    if short > 0:
        raise CeremonyRefused(
            f"{need.role} version {need.version} is below its threshold: {short} more "
            f"{'signature is' if short == 1 else 'signatures are'} needed"
        )


def check_signature(need: Need, keyid: str, sig: str, data: bytes, names: Mapping[str, str]) -> None:
    """Raise CeremonyRefused unless `sig` is over `data` by a key that may sign."""
    if keyid not in need.keyids:
        raise CeremonyRefused(
            f"{need.role} version {need.version} carries a signature by a key that may not sign it: {fingerprint(keyid)}"
        )
    if not verifies(keyid, need.key(keyid), sig, data):
        raise CeremonyRefused(
            f"the signature of {names.get(keyid, keyid[:8])} on {need.role} version {need.version} is over other bytes: "
            "older metadata were signed, or these were changed"
        )


def read_roots(files: Sequence[bytes]) -> Value:
    """The newest of a chain of roots, each signed by the keys of the one before it and by its own (section 5.3).

    Raises CeremonyRefused.
    """
    before: Value | None = None
    for data in files:
        value = signed_of(data, "root")
        sets = (top_keys(value, "root"),) if before is None else (top_keys(before, "root"), top_keys(value, "root"))
        check_form("root", value)
        if before is not None:
            _check_version("root", value, before)
        check_file(Need(0, "root", int(value["version"]), sets), data, names_of(value))
        before = value
    if before is None:
        raise CeremonyRefused("there is no root metadata in it")
    return before


def read_offline(roots: Sequence[bytes], files: Mapping[str, bytes]) -> Offline:
    """Today's offline roles, verified from the first of `roots`. Raises CeremonyRefused."""
    values = {role: signed_of(files[role], role) for role in ROLES[1:]} | {"root": read_roots(roots)}
    offline = Offline(**values)
    for role in ROLES[1:]:
        check_form(role, values[role])
        need = Need(0, role, int(values[role]["version"]), (offline.signers_of(role),))
        check_file(need, files[role], names_of(values["root"]), others=True)
    return offline


def signed_of(data: bytes, role: str) -> Value:
    """The signed part of a metadata file. Raises CeremonyRefused."""
    try:
        value: Value = orjson.loads(data)["signed"]
        if not isinstance(value, dict):
            raise TypeError("no signed part")
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise CeremonyRefused(f"{role} is no TUF metadata") from None
    return value
