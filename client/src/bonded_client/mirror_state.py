"""What an index has signed, as a mirror needs it: a snapshot's versions, and roles verified one at a time.

python-tuf's updater verifies root, timestamp, snapshot and targets and has written them down (`Trust.metadata`); roles below
are checked here by the same library's public classes, since all of them are mirrored and not only those of one target.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tuf.api import exceptions
from tuf.api.metadata import Metadata, Snapshot, Targets, Timestamp  # type: ignore[attr-defined] # its documented place; the library marks no exports
from tuf.api.serialization import DeserializationError

from bonded_client.failures import Failure
from bonded_client.mirror_tree import TIMESTAMP, Tree

MAX_ROLE = 5_000_000
"""Longest metadata of a role below the snapshot, in bytes: the default of today's clients."""


@dataclass(frozen=True, slots=True)
class State:
    """One publication: `number`, sha256 of its record (`changes`), the roles' versions, when it was made and expires."""

    number: int
    changes: str
    at: datetime
    expires: datetime
    journal: tuple[int, str]
    version: int
    versions: dict[str, int]
    timestamp: bytes
    snapshot: bytes


def read_state(timestamp: bytes, snapshot: bytes) -> State:
    """The state that a timestamp and its snapshot describe; whoever calls it has verified them.

    Raises Failure (malformed) for an index that does not say what mirrors follow.
    """
    pointer = Metadata[Timestamp].from_bytes(timestamp).signed
    signed = Metadata[Snapshot].from_bytes(snapshot).signed
    versions = {name.removesuffix(".json"): meta.version for name, meta in signed.meta.items()}
    try:
        extra = signed.unrecognized_fields["x-bonded"]
        journal = int(extra["journal_size"]), str(extra["journal_root"])
        at = datetime.fromisoformat(extra["at"]).astimezone(UTC)
        number, changes = int(extra["publication"]), str(extra["changes"])
    except (KeyError, TypeError, ValueError) as error:
        raise Failure("malformed", "The snapshot does not say what mirrors follow (its field x-bonded).") from error
    expires = min(pointer.expires, signed.expires)
    return State(number, changes, at, expires, journal, signed.version, versions, timestamp, snapshot)


def trusted(metadata: Path) -> State:
    """The state that python-tuf has verified last and written to the folder `metadata`."""
    return read_state((metadata / "timestamp.json").read_bytes(), (metadata / "snapshot.json").read_bytes())


def flipped(tree: Tree) -> State | None:
    """The state that the tree serves; None while it serves none, or one that can no longer be read."""
    timestamp = tree.read(TIMESTAMP)
    if timestamp is None:
        return None
    try:
        version = json.loads(timestamp)["signed"]["meta"]["snapshot.json"]["version"]
        snapshot = tree.read(f"metadata/{version}.snapshot.json")
        return None if snapshot is None else read_state(timestamp, snapshot)
    except (ValueError, KeyError, TypeError, DeserializationError, Failure):
        return None


@dataclass(frozen=True, slots=True)
class Branch:
    """A delegated role, who delegates to it, and its version in the snapshot."""

    role: str
    parent: Targets
    version: int

    @property
    def name(self) -> str:
        return f"metadata/{self.version}.{self.role}.json"

    def verified(self, data: bytes, now: datetime) -> Targets:
        """The role's targets from its file. Raises python-tuf's errors, as its updater would."""
        found = Metadata[Targets].from_bytes(data)
        if found.signed.type != Targets.type:
            raise exceptions.RepositoryError(f"{self.name} is {found.signed.type} metadata")
        self.parent.verify_delegate(self.role, found.signed_bytes, found.signatures)
        if found.signed.version != self.version:
            raise exceptions.BadVersionNumberError(f"{self.name} says version {found.signed.version}")
        if found.signed.is_expired(now):
            raise exceptions.ExpiredMetadataError(f"{self.role} expired")
        if not all(delegated(self.parent, path, self.role) for path in found.signed.targets):
            raise exceptions.BadVersionNumberError(f"{self.name} lists what belongs to another role")
        return found.signed


def delegated(parent: Targets, path: str, role: str) -> bool:
    """Whether `parent` delegates the target `path` to `role`. Nothing in a role's file says which role it is, but this."""
    return parent.delegations is not None and role in {
        name for name, _ in parent.delegations.get_roles_for_target(path)
    }


def branches(parent: Targets, versions: dict[str, int], only: Iterable[str] | None = None) -> Iterator[Branch]:
    """The roles that `parent` delegates to, all or those that targets `only` may be in.

    Raises Failure (malformed) for one that the snapshot does not list.
    """
    for role in _below(parent, only):
        if role not in versions:
            raise Failure("malformed", f"The index delegates to {role}, which its snapshot does not list.")
        yield Branch(role, parent, versions[role])


def reachable(parents: Iterable[tuple[str, Targets]], versions: dict[str, int]) -> set[str]:
    """Every role that clients may come to; a snapshot also lists bins of generations that nobody delegates to any more."""
    found = {Targets.type}
    for role, parent in parents:
        found |= {role, *(branch.role for branch in branches(parent, versions))}
    return found


def _below(parent: Targets, only: Iterable[str] | None) -> Iterator[str]:
    delegations = parent.delegations
    if delegations is None:
        return
    if only is not None:
        yield from sorted({role for path in only for role, _ in delegations.get_roles_for_target(path)})
    elif delegations.succinct_roles is not None:
        yield from delegations.succinct_roles.get_roles()
    else:
        yield from delegations.roles or ()


def targets_in(data: bytes) -> dict[str, tuple[int, str]]:
    """Path -> length and sha256, from a role's file that was verified. Raises Failure (malformed) without sha256."""
    found = {}
    for path, info in json.loads(data)["signed"]["targets"].items():
        sha256 = info["hashes"].get("sha256", "")
        if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
            raise Failure("malformed", f"The target {path} has no sha256.")
        found[path] = (int(info["length"]), sha256)
    return found
