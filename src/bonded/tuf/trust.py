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
from bonded.tuf.offline import KINDS
from bonded.tuf.roles import TIMESTAMP, BinSet, Layout, metadata_name

GONE = "it is not there"
BAD_FORM = (RepositoryError, ValueError, KeyError, TypeError, AttributeError)
"""What python-tuf raises for metadata that cannot be read or do not verify."""


class Untrusted(Exception):
    """Metadata in the store does not verify, or has another layout than this publisher's. Nothing is published."""


class OfflineDamaged(Untrusted):
    """A file that the offline keys signed is not what lies under its name: overwritten, damaged or gone.

    `why` is what is wrong, `code` the one of `bonded fsck`, whose page says what to do; the message ends in it.
    """

    def __init__(self, role: str, version: int, why: str) -> None:
        self.role, self.version, self.why = role, version, why
        self.name = metadata_name(role, version)
        self.code = f"{'root' if role == 'root' else 'metadata'}-{'missing' if why == GONE else 'damaged'}"
        super().__init__(
            f"{self.name} in the public store is not what the offline keys signed: {why}. `bonded tuf put-back` writes what they did "
            f"sign, from the copies on this host ({self.code})"
        )


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
    if version == 0 and (store.exists(TIMESTAMP) or store.exists(metadata_name("root", 2))):
        raise OfflineDamaged("root", 1, GONE)
    if version == 0:
        raise Untrusted("the public store has no root metadata: hold the ceremony first (`bonded tuf ceremony`)")
    return version


def read_trust(store: Storage, versions: Mapping[str, int]) -> Trust:
    """Verify the chain of roots and the offline roles whose `versions` the snapshot lists. Raises Untrusted."""
    root_version, root = _root(store)
    try:
        targets = _offline(store, "targets", versions, root.signed)
        pages = _offline(store, "pages", versions, targets.signed)
        files = _offline(store, "bins", versions, targets.signed)
    except KeyError as error:
        raise Untrusted(f"the snapshot does not list the role {error}") from error
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
        root = next_root(root, version, signed_offline(store, "root", version))
    assert root is not None
    return last, root


def next_root(before: Metadata[Root] | None, version: int, data: bytes) -> Metadata[Root]:
    """The root of `version`, signed as itself and, unless it is the first that is looked at, as `before` asks.

    TUF specification, 5.3. Raises OfflineDamaged.
    """
    try:
        root = Metadata[Root].from_bytes(data)
        told = f"{root.signed.type} version {root.signed.version}"
    except BAD_FORM:
        raise OfflineDamaged("root", version, "it cannot be read as root metadata") from None
    if told != f"root version {version}":
        raise OfflineDamaged("root", version, f"it says that it is {told}")
    for parent, whose in ((before, f"that root version {version - 1} names"), (root, "that it names itself")):
        if parent is not None and not delegates(parent.signed, "root", root):
            raise OfflineDamaged("root", version, f"it is not signed by enough of the keys {whose}")
    return root


def delegates(parent: Root | Targets, role: str, metadata: Metadata[Root] | Metadata[Targets]) -> bool:
    """Whether enough of the keys that `parent` names for `role` signed `metadata`."""
    try:
        parent.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except BAD_FORM:
        return False
    return True


def _offline(store: Storage, role: str, versions: Mapping[str, int], parent: Root | Targets) -> Metadata[Targets]:
    return next_targets(parent, role, versions[role], signed_offline(store, role, versions[role]))


def signed_offline(store: Storage, role: str, version: int) -> bytes:
    """A file that the offline keys signed, not verified. Raises OfflineDamaged where there is none."""
    try:
        return store.read(metadata_name(role, version))
    except NotStored:
        raise OfflineDamaged(role, version, GONE) from None


def next_targets(parent: Root | Targets, role: str, version: int, data: bytes) -> Metadata[Targets]:
    """The offline role `role` below `parent`, of `version`. Raises OfflineDamaged."""
    try:
        metadata = Metadata[Targets].from_bytes(data)
        told = f"{metadata.signed.type} version {metadata.signed.version}"
    except BAD_FORM:
        raise OfflineDamaged(role, version, "it cannot be read as targets metadata") from None
    if told != f"targets version {version}":
        raise OfflineDamaged(role, version, f"it says that it is {told}")
    if not delegates(parent, role, metadata):
        raise OfflineDamaged(role, version, "it is not signed by enough of the keys that its parent names")
    # Nothing in such a file says which role it is, and one key may sign several: only its bins tell.
    bins = metadata.signed.delegations.succinct_roles if metadata.signed.delegations else None
    if role in KINDS and bins is not None and bins.name_prefix.rpartition("-")[0] != KINDS[role]:
        raise OfflineDamaged(role, version, f"it delegates to {bins.name_prefix}-*, as another role does")
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
