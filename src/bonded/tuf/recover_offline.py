"""The offline roles that hold whatever an intruder with the online key did: found by listing, verified from a given root.

Nobody without the offline keys can sign these, so of all versions in the store the newest one that verifies counts;
whatever else lies under such names was put there to be in the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets  # type: ignore[attr-defined]

from bonded.seams import NotStored, Storage
from bonded.tuf.offline import Step
from bonded.tuf.roles import metadata_name
from bonded.tuf.trust import Trust, Untrusted, trust_of

_NAME = re.compile(r"metadata/(\d+)\.(targets|pages|bins)\.json")
_BAD = (RepositoryError, ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class Standing:
    """The offline roles that are in force: role -> version, role -> file, and what they say."""

    versions: Mapping[str, int]
    files: Mapping[str, bytes]
    trust: Trust


def standing(store: Storage, trusted_root: bytes, new: Step | None = None, *, before: Step | None = None) -> Standing:
    """What is in force once the files of `new` are: they take the place of what the store has.

    With `before`, what was in force before those files, even where they are in the store already. `trusted_root` is the
    root that users are given, of any version. Raises Untrusted, with the role that does not verify.
    """
    given = {} if new is None else dict(new.files)
    step = before or new
    ends = {} if step is None else step.versions()
    root, data = _last_root(store, trusted_root, ends.get("root"))
    if "root" in given:
        root, data = _next_root(root, given["root"]), given["root"]
    files, versions = {"root": data}, {"root": root.version}
    top = _newest(store, "targets", root, given.get("targets"), ends.get("targets"))
    below = {role: _newest(store, role, top[0], given.get(role), ends.get(role)) for role in ("pages", "bins")}
    for role, (metadata, file) in {"targets": top, **below}.items():
        files[role], versions[role] = file, metadata.version
    return Standing(versions, files, trust_of(root.version, root, below["pages"][0], below["bins"][0]))


def _last_root(store: Storage, trusted: bytes, end: int | None) -> tuple[Root, bytes]:
    """The newest root that verifies, older than version `end`."""
    older = [found for found in _roots(store, trusted) if end is None or found[0].version < end]
    if not older:
        raise Untrusted("the new root is no newer than the one that users are given: it does not follow root by root")
    return older[-1]


def _roots(store: Storage, trusted: bytes) -> Iterator[tuple[Root, bytes]]:
    """The trusted root and each that follows it, as long as they verify."""
    try:
        metadata = Metadata[Root].from_bytes(trusted)
        metadata.verify_delegate("root", metadata)
    except _BAD as error:
        raise Untrusted(f"the root that was given cannot be read: {error}") from error
    root, data = metadata.signed, trusted
    while True:
        yield root, data
        try:
            data = store.get(metadata_name("root", root.version + 1)).data
            root = _next_root(root, data)
        except (NotStored, Untrusted):
            return


def _next_root(root: Root, data: bytes) -> Root:
    """The root that follows, signed by the keys of both. Raises Untrusted."""
    try:
        metadata = Metadata[Root].from_bytes(data)
        following = metadata.signed
        for parent in (root, following):
            parent.verify_delegate("root", metadata.signed_bytes, metadata.signatures)
    except _BAD as error:
        raise Untrusted(f"root {root.version + 1} does not verify: {error}") from error
    if following.version != root.version + 1:
        raise Untrusted(f"root {following.version} does not follow root {root.version}")
    return following


def _newest(
    store: Storage, role: str, parent: Root | Targets, given: bytes | None, end: int | None
) -> tuple[Targets, bytes]:
    """The newest version of an offline role, older than `end`, that its parent's keys signed; and its file.

    Raises Untrusted.
    """
    if given is not None:
        found = _verified(role, parent, given)
        if found is None:
            raise Untrusted(f"the new {role} is not signed by the keys that its parent names")
        return found, given
    for version in sorted(_versions(store, role), reverse=True):
        if end is not None and version >= end:
            continue
        data = store.get(metadata_name(role, version)).data
        found = _verified(role, parent, data)
        if found is not None and found.version == version:
            return found, data
    raise Untrusted(f"no version of {role} in the store verifies: put back the one from the ceremony's bundle")


def _versions(store: Storage, role: str) -> set[int]:
    named = (_NAME.fullmatch(entry.name) for entry in store.entries("metadata/"))
    return {int(found[1]) for found in named if found and found[2] == role}


def _verified(role: str, parent: Root | Targets, data: bytes) -> Targets | None:
    try:
        metadata = Metadata[Targets].from_bytes(data)
        parent.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except _BAD:
        return None
    return metadata.signed
