"""Reading signed metadata from the store alone, from a trusted root down, with python-tuf's data model.

Written apart from the publisher on purpose: what the one wrote wrongly, the other must not overlook.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import orjson
from securesystemslib.signer import Signature  # type: ignore[attr-defined]  # re-exported without __all__
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (  # type: ignore[attr-defined]  # re-exported without __all__
    Metadata,
    Root,
    Snapshot,
    Targets,
    Timestamp,
)

from bonded.seams import NotStored, Storage
from bonded.tuf.threads import ahead

METADATA = "metadata"
TRUSTED = "keys/root.json"
"""How people find the root that the chain begins with."""
BINS = {"pages": "page-bin-", "bins": "bin-"}
"""How the bins of each delegating role are called: the files of two roles with one key are told apart by nothing else."""
Delegator = Root | Targets
T = TypeVar("T", Root, Timestamp, Snapshot, Targets)


class Broken(Exception):
    """The chain cannot be followed. `what` is missing, signature, version, form or damaged; `name` the object."""

    def __init__(self, what: str, name: str, sentence: str) -> None:
        super().__init__(f"{name}: {sentence}")
        self.what, self.name, self.sentence = what, name, sentence


@dataclass(frozen=True, slots=True)
class Document:
    """One role's metadata: where it is, its bytes, and the part that is signed."""

    role: str
    name: str
    data: bytes
    signed: dict[str, Any]

    @property
    def version(self) -> int:
        return int(self.signed["version"])

    @property
    def expires(self) -> datetime:
        return datetime.fromisoformat(self.signed["expires"])


@dataclass(slots=True)
class Chain:
    """What a client ends up trusting. `bins` maps each delegating role ("pages", "bins") to its delegation's document."""

    root: Document
    timestamp: Document
    snapshot: Document
    targets: Document
    delegating: dict[str, Document] = field(default_factory=dict)
    keys: dict[str, Delegator] = field(default_factory=dict)

    def versions(self) -> dict[str, int]:
        """Role -> the version that the snapshot names."""
        meta: Mapping[str, Any] = self.snapshot.signed["meta"]
        return {name.removesuffix(".json"): int(entry["version"]) for name, entry in meta.items()}

    def roles(self) -> list[Document]:
        """Every role but the bins."""
        return [self.root, self.timestamp, self.snapshot, self.targets, *self.delegating.values()]


def read_chain(store: Storage, trusted_root: bytes) -> Chain:
    """Follow root, timestamp, snapshot, targets and the delegating roles. Raises Broken at the first break."""
    root, anchor = newest_root(store, trusted_root)
    timestamp = _read(store, "timestamp", f"{METADATA}/timestamp.json", anchor)
    wanted = _model(Timestamp, timestamp).snapshot_meta
    snapshot = _read(store, "snapshot", f"{METADATA}/{wanted.version}.snapshot.json", anchor)
    try:
        wanted.verify_length_and_hashes(snapshot.data)
    except RepositoryError as error:
        raise Broken("damaged", snapshot.name, f"it is not what the timestamp names: {error}") from error
    _model(Snapshot, snapshot)
    chain = Chain(root, timestamp, snapshot, root)
    versions = chain.versions()
    chain.targets = read_role(store, "targets", versions, anchor)
    _delegations(store, chain, versions)
    return chain


def newest_root(store: Storage, trusted: bytes) -> tuple[Document, Root]:
    """The last root that the store has, each verified by the one before it and by itself (TUF 5.3)."""
    document = _document("root", TRUSTED, trusted)
    anchor = _model(Root, document)
    while True:
        name = f"{METADATA}/{anchor.version + 1}.root.json"
        if not store.exists(name):
            return document, anchor
        document = _read(store, "root", name, anchor)
        following = _model(Root, document)
        verify(following, "root", document)
        if following.version != anchor.version + 1:
            raise Broken("version", name, f"it says version {following.version}")
        anchor = following


def read_role(store: Storage, role: str, versions: Mapping[str, int], delegator: Delegator) -> Document:
    """One versioned role, verified against its delegator and the snapshot. Raises Broken."""
    if role not in versions:
        raise Broken("missing", role, "the snapshot does not name it")
    name = f"{METADATA}/{versions[role]}.{role}.json"
    document = _read(store, role, name, delegator)
    if document.version != versions[role]:
        raise Broken("version", name, f"it says version {document.version}")
    return document


def read_bins(store: Storage, chain: Chain, delegating: str) -> Iterator[Document | Broken]:
    """The bins below a delegating role, in order: each verified, or why it is not."""
    versions, delegator = chain.versions(), chain.keys[delegating]

    def one(name: str) -> Document | Broken:
        try:
            return read_role(store, name, versions, delegator)
        except Broken as broken:
            return broken

    return ahead(one, bins(chain, delegating), store.at_once)


def bins(chain: Chain, delegating: str) -> Iterator[str]:
    """Names of the bins below a delegating role, in order."""
    delegator = chain.keys[delegating]
    assert isinstance(delegator, Targets)
    if delegator.delegations is not None and delegator.delegations.succinct_roles is not None:
        yield from delegator.delegations.succinct_roles.get_roles()


def verify(delegator: Delegator, role: str, document: Document) -> None:
    """Raise Broken unless the delegator's threshold of keys signed the document."""
    try:
        signatures = {s["keyid"]: Signature.from_dict(dict(s)) for s in orjson.loads(document.data)["signatures"]}
        delegator.verify_delegate(role, orjson.dumps(document.signed, option=orjson.OPT_SORT_KEYS), signatures)
    except (RepositoryError, ValueError, KeyError, TypeError) as error:
        raise Broken("signature", document.name, f"its signatures do not suffice: {error}") from error


def _delegations(store: Storage, chain: Chain, versions: Mapping[str, int]) -> None:
    targets = _model(Targets, chain.targets)
    chain.keys["targets"] = targets
    roles = targets.delegations.roles if targets.delegations else None
    for role in roles or {}:
        chain.delegating[role] = document = read_role(store, role, versions, targets)
        chain.keys[role] = below = _model(Targets, document)
        bins = below.delegations.succinct_roles if below.delegations else None
        if bins is None or not bins.name_prefix.startswith(BINS.get(role, "")):
            raise Broken(
                "form", document.name, "it does not delegate to the bins of its role: it is another role's file"
            )


def _read(store: Storage, role: str, name: str, delegator: Delegator) -> Document:
    try:
        document = _document(role, name, store.get(name).data)
    except NotStored:
        raise Broken("missing", name, "it is not in the store") from None
    verify(delegator, role, document)
    return document


def _document(role: str, name: str, data: bytes) -> Document:
    try:
        signed = orjson.loads(data)["signed"]
        document = Document(role, name, data, signed)
        document.version, document.expires  # noqa: B018 - both must be readable
    except (ValueError, KeyError, TypeError) as error:
        raise Broken("form", name, f"it is not signed metadata: {error}") from error
    return document


def _model(kind: type[T], document: Document) -> T:
    try:
        signed = Metadata.from_bytes(document.data).signed
    except Exception as error:  # python-tuf raises several families for bad form
        raise Broken("form", document.name, f"python-tuf cannot read it: {error}") from error
    if not isinstance(signed, kind):
        raise Broken("form", document.name, f"it is not {kind.type} metadata")
    return signed
