"""Offline files in the public store that are not what was signed, and putting back what was, from the copies of this host.

No client gets past a root that is damaged, and no publisher begins where the offline roles do not verify.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson
import structlog
from tuf.api.metadata import Metadata, Root, Targets  # type: ignore[attr-defined]

from bonded.seams import NotStored, Storage
from bonded.tuf.base import versions_of
from bonded.tuf.kept import Kept
from bonded.tuf.roles import TIMESTAMP, metadata_name
from bonded.tuf.trust import BAD_FORM, GONE, OfflineDamaged, delegates, next_root, next_targets, signed_offline

log = structlog.get_logger("bonded.recover")


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that is not what was signed, and the copy that is; None where nobody here has one."""

    problem: OfflineDamaged
    copy: Kept | None


def damaged_roots(public: Storage, trusted: bytes, kept: Sequence[Kept] = ()) -> list[Damage]:
    """The roots in the store that are not the signed ones, oldest first; [] where `trusted` itself cannot be read."""
    anchor = _anchor(trusted)
    return [] if anchor is None else _older(public, anchor, kept) + _newer(public, anchor, kept)[0]


def damaged(public: Storage, trusted: bytes, kept: Sequence[Kept]) -> list[Damage]:
    """The same, and targets, pages and bins as the live snapshot lists them."""
    anchor = _anchor(trusted)
    if anchor is None:
        return []
    newer, root = _newer(public, anchor, kept)
    return _older(public, anchor, kept) + newer + list(_below(public, root, kept))


def put_back(public: Storage, found: Iterable[Damage]) -> list[str]:
    """Write each copy where it belongs; returns the names. Raises StorageError. Doing it again is right."""
    names = []
    for one in found:
        if one.copy is not None:
            for ending in (".gz", ".zst"):
                public.delete(one.problem.name + ending)
            log.warning("what was signed is put back", name=one.problem.name, copy=one.copy.where)
            public.put(one.problem.name, one.copy.data)
            names.append(one.problem.name)
    public.barrier()
    return names


def _anchor(trusted: bytes) -> Metadata[Root] | None:
    try:
        return next_root(None, Metadata[Root].from_bytes(trusted).signed.version, trusted)
    except (OfflineDamaged, *BAD_FORM):
        return None


def _older(public: Storage, anchor: Metadata[Root], kept: Sequence[Kept]) -> list[Damage]:
    """The trusted root itself and those before it.

    What follows a root says little of it: any list of keys with the true ones in it would do. So where there is a copy,
    the store must have the same.
    """
    found: list[Damage] = []
    after: Metadata[Root] | None = None
    for version in range(anchor.signed.version, 0, -1):
        copies = {k: m for k in kept if k.released and _is(k, "root", version) and (m := _root(None, k))}
        copies = {k: m for k, m in copies.items() if after is None or delegates(m.signed, "root", after)}
        good, problem = _in_store(public, None, version)
        if good is not None and after is not None and not delegates(good.signed, "root", after):
            problem = OfflineDamaged("root", version, "the root after it is not signed by the keys that it names")
        elif good is not None and copies and good.signed_bytes not in {m.signed_bytes for m in copies.values()}:
            problem = OfflineDamaged("root", version, f"it is another one than in {next(iter(copies)).where}")
        if problem is not None:
            copy, good = next(iter(copies.items()), (None, None))
            found.append(Damage(problem, copy))
        if good is None:
            break  # nothing can be said of those before it
        after = good
    return found[::-1]


def _newer(public: Storage, anchor: Metadata[Root], kept: Sequence[Kept]) -> tuple[list[Damage], Metadata[Root] | None]:
    """Those after the trusted root, and the newest root; None where it is damaged and nobody here has it.

    Where nothing is and no later root follows, a copy may be one that is to be released yet.
    """
    found: list[Damage] = []
    root = anchor
    while True:
        version = root.signed.version + 1
        good, problem = _in_store(public, root, version)
        if good is None and problem is not None:
            copies = {k: m for k in kept if _is(k, "root", version) and (m := _root(root, k))}
            sure = {k: m for k, m in copies.items() if k.released or _in_store(public, m, version + 1)[0]}
            copy, good = next(iter(sure.items()), (None, None))
            if copy is None and problem.why == GONE:
                return found, root
            found.append(Damage(problem, copy))
        if good is None:
            return found, None
        root = good


def _below(public: Storage, root: Metadata[Root] | None, kept: Sequence[Kept]) -> Iterator[Damage]:
    """Targets, pages and bins, as far as their parents are known."""
    try:
        version = orjson.loads(public.read(TIMESTAMP))["signed"]["meta"]["snapshot.json"]["version"]
        listed = versions_of(orjson.loads(public.read(metadata_name("snapshot", version)))["signed"])
    except (NotStored, *BAD_FORM):
        return  # signed online: not ours to put back
    parent: Root | Targets | None = root.signed if root is not None else None
    for role in ("targets", "pages", "bins"):
        if parent is None or role not in listed:
            return
        copy: Kept | None = None
        try:
            good: Targets | None = next_targets(
                parent, role, listed[role], signed_offline(public, role, listed[role])
            ).signed
        except OfflineDamaged as problem:
            copies = {k: m for k in kept if _is(k, role, listed[role]) and (m := _targets(parent, k))}
            copy, good = next(iter(copies.items()), (None, None))
            yield Damage(problem, copy)
        if role == "targets":
            parent = good


def _in_store(
    public: Storage, before: Metadata[Root] | None, version: int
) -> tuple[Metadata[Root] | None, OfflineDamaged | None]:
    try:
        return next_root(before, version, signed_offline(public, "root", version)), None
    except OfflineDamaged as problem:
        return None, problem


def _is(kept: Kept, role: str, version: int) -> bool:
    return (kept.role, kept.version) == (role, version)


def _root(before: Metadata[Root] | None, kept: Kept) -> Metadata[Root] | None:
    try:
        return next_root(before, kept.version, kept.data)
    except OfflineDamaged:
        return None


def _targets(parent: Root | Targets, kept: Kept) -> Targets | None:
    try:
        return next_targets(parent, kept.role, kept.version, kept.data).signed
    except OfflineDamaged:
        return None
