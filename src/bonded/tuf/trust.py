"""Which keys the store's own root names, and whether a file is signed by enough of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature  # type: ignore[attr-defined]
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Key as TufKey  # type: ignore[attr-defined]
from tuf.api.metadata import Metadata, Root, Targets  # type: ignore[attr-defined]

from bonded.seams import NotStored, Storage
from bonded.tuf.canonical import open_envelope
from bonded.tuf.roles import BinSet, Layout, metadata_name


class Untrusted(Exception):
    """Metadata in the store does not verify, or has another layout than this publisher's. Nothing is published."""


@dataclass(frozen=True, slots=True)
class Signers:
    """Who may sign a role: key id -> key, and how many must."""

    keys: Mapping[str, TufKey]
    threshold: int

    def check(self, role: str, data: bytes) -> bytes:
        """The signed bytes of the file `data`. Raises Untrusted below the threshold, NotCanonical for another form."""
        signatures, signed = open_envelope(data)
        good = {s["keyid"] for s in signatures if self._right(s, signed)}
        if len(good) < self.threshold:
            raise Untrusted(f"{role} is signed by {len(good)} of {self.threshold} keys")
        return signed

    def _right(self, signature: dict[str, str], signed: bytes) -> bool:
        key = self.keys.get(signature["keyid"])
        if key is None:
            return False
        try:
            key.verify_signature(Signature(signature["keyid"], signature["sig"]), signed)
        except UnverifiedSignatureError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Trust:
    """What the offline roles say: who signs online, and which bins there are."""

    root_version: int
    development: bool
    timestamp: Signers
    snapshot: Signers
    bins: Signers
    layout: Layout

    def online_keys(self) -> set[str]:
        """Ids of the keys that sign timestamp, snapshot and bins."""
        return {*self.timestamp.keys, *self.snapshot.keys, *self.bins.keys}


def newest_root(store: Storage, known: int = 0) -> int:
    """The highest root version in the store, at least `known`. Raises Untrusted when there is none."""
    version = known
    while store.exists(metadata_name("root", version + 1)):
        version += 1
    if version == 0:
        raise Untrusted("the public store has no root metadata: hold the ceremony first (`bonded tuf ceremony`)")
    return version


def read_trust(store: Storage, versions: Mapping[str, int]) -> Trust:
    """Verify the chain of roots and the offline roles whose `versions` the snapshot lists. Raises Untrusted."""
    try:
        root_version, root = _root(store)
        targets = _offline(store, "targets", versions, root.signed)
        pages = _offline(store, "pages", versions, targets.signed)
        files = _offline(store, "bins", versions, targets.signed)
    except (RepositoryError, NotStored, KeyError, ValueError) as error:
        raise Untrusted(f"offline metadata do not verify: {error}") from error
    return trust_of(root_version, root.signed, pages.signed, files.signed)


def trust_of(root_version: int, root: Root, pages: Targets, files: Targets) -> Trust:
    """What verified offline roles say. Raises Untrusted when pages or bins delegate to no bins."""
    sets = _bin_set("pages", pages), _bin_set("bins", files)
    keys = _delegated_keys(pages) | _delegated_keys(files)
    return Trust(
        root_version=root_version,
        development=bool(root.unrecognized_fields.get("x-bonded", {}).get("development")),
        timestamp=_signers(root, "timestamp"),
        snapshot=_signers(root, "snapshot"),
        bins=Signers(keys, max(s.threshold for s in sets)),
        layout=Layout(*sets),
    )


def _root(store: Storage) -> tuple[int, Metadata[Root]]:
    last = newest_root(store)
    root: Metadata[Root] | None = None
    for version in range(1, last + 1):
        new = Metadata[Root].from_bytes(store.get(metadata_name("root", version)).data)
        (root or new).verify_delegate("root", new)
        new.verify_delegate("root", new)
        root = new
    assert root is not None
    return last, root


def _offline(store: Storage, role: str, versions: Mapping[str, int], parent: Root | Targets) -> Metadata[Targets]:
    raw = store.get(metadata_name(role, versions[role])).data
    metadata = Metadata[Targets].from_bytes(raw)
    parent.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    return metadata


def _bin_set(role: str, targets: Targets) -> BinSet:
    succinct = targets.delegations.succinct_roles if targets.delegations else None
    if succinct is None:
        raise Untrusted(f"{role} delegates to no bins")
    return BinSet(succinct.name_prefix, succinct.bit_length, tuple(succinct.keyids), succinct.threshold)


def _delegated_keys(targets: Targets) -> dict[str, TufKey]:
    return dict(targets.delegations.keys) if targets.delegations else {}


def _signers(root: Root, role: str) -> Signers:
    listed = root.roles[role]
    return Signers(_pick(root.keys, listed.keyids), listed.threshold)


def _pick(keys: Mapping[str, TufKey], ids: Iterable[str]) -> dict[str, TufKey]:
    return {keyid: keys[keyid] for keyid in ids}
