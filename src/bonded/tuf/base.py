"""Base: what the public store says is live, read from it and verified. Every publication begins from one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from bonded.seams import NotStored, Storage
from bonded.tuf.binfile import read_utc
from bonded.tuf.canonical import NotCanonical, open_envelope
from bonded.tuf.recover_number import FAR
from bonded.tuf.roles import TIMESTAMP, changes_name, metadata_name
from bonded.tuf.trust import Trust, Untrusted, newest_root, read_trust

EXTRA = "x-bonded"
"""Name of the extra signed field of snapshots (clients keep and verify unknown fields)."""


@dataclass(frozen=True, slots=True)
class Base:
    """A live publication: number `n` and `attempt`, the store's `tag` of its timestamp, all versions it lists.

    `content` is the number of the newest publication that changed something; `changes` the hex sha256 of
    `publications/<n>.json`; `at` when it was signed; `journal_root` is hex.
    """

    n: int
    attempt: str
    content: int
    changes: str
    at: datetime
    expires: datetime
    journal_size: int
    journal_root: str
    tag: str
    timestamp: bytes
    versions: dict[str, int]
    trust: Trust
    listing: bytes = b""
    """`versions` as the snapshot has them in its text, where we wrote it ourselves."""


def read_base(store: Storage, known: Base | None = None) -> Base:
    """Read timestamp and snapshot from the store and verify them. Raises Untrusted, NotStored (no repository yet).

    With the bytes of `known` in the store, nothing is verified twice.
    """
    stored = store.get(TIMESTAMP)
    if known is not None and stored.data == known.timestamp and _same_root(store, known):
        return replace(known, tag=stored.tag)
    try:
        return _read(store, stored.data, stored.tag)
    except (NotCanonical, KeyError, ValueError, TypeError) as error:
        raise Untrusted(f"timestamp or snapshot in the store: {error}") from error


def _same_root(store: Storage, known: Base) -> bool:
    return newest_root(store, known.trust.root_version) == known.trust.root_version


def _read(store: Storage, timestamp: bytes, tag: str) -> Base:
    pointer = orjson.loads(open_envelope(timestamp)[1])
    listed = pointer["meta"]["snapshot.json"]
    data = store.read(metadata_name("snapshot", listed["version"]))
    if hashlib.sha256(data).hexdigest() != listed["hashes"]["sha256"]:
        raise Untrusted(f"snapshot {listed['version']} is not the one that the timestamp names")
    snapshot = orjson.loads(open_envelope(data)[1])
    versions = versions_of(snapshot)
    trust = read_trust(store, versions)
    trust.timestamp.check("timestamp", timestamp)
    trust.snapshot.check("snapshot", data)
    if not pointer["version"] == snapshot["version"] == listed["version"] == snapshot[EXTRA]["publication"]:
        raise Untrusted("timestamp and snapshot are not of one publication")
    if snapshot["version"] >= FAR:
        raise Untrusted(f"publication {snapshot['version']} is beyond all counting: somebody else signed it")
    return base_of(pointer, snapshot, versions, timestamp, tag, trust)


def base_of(
    pointer: dict[str, Any],
    snapshot: dict[str, Any],
    versions: dict[str, int],
    timestamp: bytes,
    tag: str,
    trust: Trust,
    listing: bytes = b"",
) -> Base:
    """A Base from the decoded signed parts of a timestamp and its snapshot."""
    extra = snapshot[EXTRA]
    return Base(
        n=extra["publication"],
        attempt=extra["attempt"],
        content=extra["content"],
        changes=extra["changes"],
        at=read_utc(extra["at"]),
        expires=read_utc(pointer["expires"]),
        journal_size=extra["journal_size"],
        journal_root=extra["journal_root"],
        tag=tag,
        timestamp=timestamp,
        versions=versions,
        trust=trust,
        listing=listing,
    )


def versions_of(snapshot: dict[str, Any]) -> dict[str, int]:
    """Role -> version, from a decoded snapshot."""
    return {name[:-5]: meta["version"] for name, meta in snapshot["meta"].items()}


def read_changes(store: Storage, n: int, sha256: str) -> dict[str, Any]:
    """`publications/<n>.json`, checked against its digest. Raises Untrusted, NotStored."""
    data = store.read(changes_name(n))
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Untrusted(f"{changes_name(n)} is not the one that was signed")
    value = orjson.loads(data)
    if not isinstance(value, dict):
        raise Untrusted(f"{changes_name(n)} is no object")
    return value


def signed_bin(store: Storage, trust: Trust, role: str, version: int) -> tuple[bytes, bytes]:
    """(file, signed part) of one version of a bin, its signature verified. Raises Untrusted."""
    try:
        data = store.get(metadata_name(role, version)).data
        return data, trust.bins.check(role, data)
    except (NotCanonical, NotStored) as error:
        raise Untrusted(f"bin {role} {version}: {error}") from error
