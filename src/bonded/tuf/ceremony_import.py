"""Taking a ceremony's bundle into the index: everything is checked before anything is written."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bonded.seams import NotStored, OtherBytes, Signer, Storage
from bonded.tuf.base import read_base
from bonded.tuf.ceremony_check import check_steps, read_offline
from bonded.tuf.ceremony_keys import fingerprint
from bonded.tuf.ceremony_state import State
from bonded.tuf.layout import begin_repository
from bonded.tuf.offline import ROLES, KeySet, Offline, Step, bin_keys, payload, top_keys
from bonded.tuf.recover_offline import standing
from bonded.tuf.roles import TIMESTAMP, metadata_name
from bonded.tuf.transcript import CeremonyRefused
from bonded.tuf.trust import Untrusted, newest_root, next_root, signed_offline


@dataclass(frozen=True, slots=True)
class Live:
    """What an index has today: every root, oldest first; role -> file of targets, pages and bins; and what they say."""

    roots: tuple[bytes, ...]
    files: Mapping[str, bytes]
    offline: Offline


def read_live(public: Storage) -> Live | None:
    """Today's offline metadata from the store, verified; None where there is no repository. Raises CeremonyRefused, Untrusted."""
    try:
        versions = {**read_base(public).versions, "root": newest_root(public)}
    except NotStored:
        return None
    except Untrusted:
        # Somebody else signed what is live, or put junk beside it: what the offline keys signed holds all the same.
        first = _first_root(public)
        versions = dict(standing(public, first).versions)
    roots = tuple(public.get(metadata_name("root", v)).data for v in range(1, versions["root"] + 1))
    files = {role: public.get(metadata_name(role, versions[role])).data for role in ROLES[1:]}
    return Live(roots, files, read_offline(roots, files))


def _first_root(public: Storage) -> bytes:
    """Raises OfflineDamaged: with another first root, everything after it would be somebody else's."""
    data = signed_offline(public, "root", 1)
    next_root(None, 1, data)
    return data


def check_bundle(state: State, live: Live | None, held: Collection[str], now: datetime) -> tuple[Step, ...]:
    """The signed steps of a bundle, if this index may take them; `held` are the ids of the online keys that it holds.

    Raises CeremonyRefused.
    """
    if state.steps is None:
        raise CeremonyRefused("no metadata were written in this ceremony yet: finish it first")
    _check_base(state.index.base, live)
    steps = state.signed_steps()
    end = check_steps(state.index.base, steps, now)
    _check_online(end, held)
    return steps


def _check_base(base: Offline | None, live: Live | None) -> None:
    """The ceremony must have begun from exactly what is in force."""
    if base is None and live is not None:
        raise CeremonyRefused(
            "this index has its metadata already, and the bundle is for a new one: nothing is left to import, or it is "
            "the bundle of another index"
        )
    if base is not None and live is None:
        raise CeremonyRefused("the bundle is for an index that has metadata already, and this one has none")
    for role in ROLES if base is not None and live is not None else ():
        was, now = base.of(role), live.offline.of(role)  # type: ignore[union-attr]
        if payload(was) != payload(now):
            raise CeremonyRefused(
                f"the ceremony began from {role} version {was['version']}, and this index has version {now['version']} now"
                f"{' with other content' if was['version'] == now['version'] else ''}: hold it again, from what "
                "`bonded tuf export` writes today"
            )


def _check_online(end: Offline, held: Collection[str]) -> None:
    """In the end the keys at hand must do for timestamp, snapshot and all bins."""
    sets = {
        "timestamp": top_keys(end.root, "timestamp"),
        "snapshot": top_keys(end.root, "snapshot"),
        "pages": bin_keys(end.pages),
        "bins": bin_keys(end.bins),
    }
    for role, keys in sets.items():
        if len(set(keys.keys) & set(held)) < keys.threshold:
            raise CeremonyRefused(_other_key(role, keys, held))


def _other_key(role: str, keys: KeySet, held: Collection[str]) -> str:
    mine = " and ".join(fingerprint(keyid)[:19] for keyid in sorted(held)) or "none"
    theirs = " and ".join(fingerprint(keyid)[:19] for keyid in keys.ids)
    return (
        f"the bundle names another online key than the signer's: {role} is to be signed by {theirs}, this index holds {mine}. "
        "Give the signer that key, or hold the ceremony with this one"
    )


def import_first(public: Storage, signer: Signer, state: State, now: datetime, lifetime: timedelta) -> tuple[int, Step]:
    """Make the repository from a ceremony's bundle; returns (number of the first publication, its step).

    Raises CeremonyRefused with nothing changed, StorageError, SignerRefused. If it stops before its last line there is no
    repository; the same bundle can be imported again, and takes the next number.
    """
    live = read_live(public)
    steps = check_bundle(state, live, signer.keys(), now)
    if len(steps) != 1:
        raise CeremonyRefused(f"a new index begins with one step, and the bundle has {len(steps)}")
    _check_store(public, steps[0])
    n, attempt = signer.highest()[0] + 1, secrets.token_hex(8)
    signer.reserve(n, attempt)

    def sign(items: Sequence[tuple[str, bytes]]) -> list[list[dict[str, str]]]:
        return signer.sign_many(n, attempt, items)

    try:
        begin_repository(public, steps[0], sign, n=n, attempt=attempt, now=now, lifetime=lifetime)
    except OtherBytes as error:
        raise CeremonyRefused(f"another import is at work, or the store holds what is not its own: {error}") from error
    return n, steps[0]


def _check_store(public: Storage, step: Step) -> None:
    """An import that stopped may have left these very files; others may not be there."""
    for role, data in step.files.items():
        name = metadata_name(role, int(step.signed[role]["version"]))
        if public.exists(name) and public.get(name).data != data:
            raise CeremonyRefused(
                f"the store holds another {name}, though the index was never published: it was left by an import of another "
                "bundle that did not finish. Import that one, or remove metadata/ from the public store first"
            )
    if public.exists(TIMESTAMP):
        raise CeremonyRefused("this index has its metadata already")
