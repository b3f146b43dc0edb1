"""The offline roles as values: root, targets, pages and bins before anybody signs them, and the files once signed. Pure.

A ceremony, a rotation and the repository for development all make their metadata here. Each value is the `signed` part of
a role's file (TUF specification, sections 4.3 and 4.5; succinct roles: TAP 15), each key a public key in the TUF form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Key, Signer  # type: ignore[attr-defined]

from bonded.tuf.binfile import utc
from bonded.tuf.canonical import canonical, check
from bonded.tuf.roles import SPEC

Value = dict[str, Any]
PublicKey = Mapping[str, Any]

OFFLINE = timedelta(days=365)
"""How long root, targets, pages and bins are valid (PEP 458)."""
ROLES = ("root", "targets", "pages", "bins")
"""The offline roles, each after the one that names its keys."""
PATHS = {"pages": ["simple/*", "simple/*/*"], "bins": ["packages/*/*"]}
"""What the two delegated roles may sign."""
KINDS = {"pages": "page-bin", "bins": "bin"}
"""Role -> how the names of its bins begin; the generation follows."""


class BadKeys(ValueError):
    """Keys and threshold that no role can have."""


class BadBinCount(ValueError):
    """A number of bins that succinct roles cannot have."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """Who may sign a role: key id -> public key, and how many must."""

    keys: Mapping[str, PublicKey]
    threshold: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.threshold <= len(self.keys):
            raise BadKeys(f"a threshold of {self.threshold} with {len(self.keys)} keys cannot be reached")

    @property
    def ids(self) -> list[str]:
        """The key ids, sorted."""
        return sorted(self.keys)

    def also(self, other: KeySet) -> KeySet:
        """Both sets, while clients move from one to the other; the lower threshold, so that either can still sign."""
        return KeySet({**self.keys, **other.keys}, min(self.threshold, other.threshold))

    def role(self) -> Value:
        """As a role's entry in root or in a delegation."""
        return {"keyids": self.ids, "threshold": self.threshold}


def key_set(signers: Iterable[Signer], threshold: int = 1) -> KeySet:
    """The public keys of `signers`."""
    return KeySet({s.public_key.keyid: s.public_key.to_dict() for s in signers}, threshold)


@dataclass(frozen=True, slots=True)
class Bins:
    """One generation of succinct bins: `count` of them, a power of two."""

    count: int
    generation: int = 1

    def __post_init__(self) -> None:
        if self.count < 2 or self.count & (self.count - 1) or self.count > 2**16:
            raise BadBinCount(f"the number of bins must be a power of two from 2 to 65,536, not {self.count}")

    @property
    def bits(self) -> int:
        return self.count.bit_length() - 1


@dataclass(frozen=True, slots=True)
class Offline:
    """The offline roles at one moment: the signed parts of their newest versions."""

    root: Value
    targets: Value
    pages: Value
    bins: Value

    def of(self, role: str) -> Value:
        """The value of root, targets, pages or bins."""
        value: Value = getattr(self, role)
        return value

    def with_values(self, values: Mapping[str, Value]) -> Offline:
        """These roles with some of them replaced."""
        return Offline(**{role: values.get(role, self.of(role)) for role in ROLES})

    def signers_of(self, role: str) -> KeySet:
        """Who must sign `role`, as its parent says."""
        return delegated_keys(self.targets, role) if role in KINDS else top_keys(self.root, role)


@dataclass(frozen=True, slots=True)
class StepValues:
    """Offline metadata that become public together, before they are signed: role -> value.

    `name` is a short word for people and logs; `after` says what must have happened since the step before:

    - "": nothing, release it at once;
    - "settled": clients have seen the step before (timestamp TTL and the longest client run have passed);
    - "bins-signed": every live bin, the snapshot and the timestamp carry a signature of the new online key;
    - "bins-written": every bin of the new generation is written and listed in the snapshot.
    """

    name: str
    values: Mapping[str, Value]
    after: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A signed step: role -> file. What a ceremony hands to an import or a rotation; see StepValues for `after`."""

    name: str
    files: Mapping[str, bytes]
    after: str = ""
    signed: Mapping[str, Value] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "signed", {role: orjson.loads(data)["signed"] for role, data in self.files.items()})

    def versions(self) -> dict[str, int]:
        """Role -> version."""
        return {role: int(value["version"]) for role, value in self.signed.items()}


def root_value(
    version: int,
    expires: datetime,
    *,
    root: KeySet,
    targets: KeySet,
    online: KeySet,
    names: Mapping[str, str] | None = None,
    one_time: Sequence[str] = (),
    development: bool = False,
) -> Value:
    """Root. `online` signs timestamp and snapshot; `names`: key id -> what people call its holder (public); `one_time`:
    ids of keys that were destroyed after they signed."""
    extra: Value = {"development": True} if development else {}
    if names:
        extra["names"] = dict(names)
    if one_time:
        extra["one_time"] = list(one_time)
    roles = {"root": root, "targets": targets, "timestamp": online, "snapshot": online}
    value: Value = {
        "_type": "root",
        "consistent_snapshot": True,
        "expires": utc(expires),
        "keys": {keyid: dict(key) for keys in roles.values() for keyid, key in keys.keys.items()},
        "roles": {role: keys.role() for role, keys in roles.items()},
        "spec_version": SPEC,
        "version": version,
    }
    return value | {"x-bonded": extra} if extra else value


def targets_value(version: int, expires: datetime, *, pages: KeySet, bins: KeySet) -> Value:
    """Targets: nothing of its own, and the two roles that it delegates to, with their keys."""
    roles = [
        {"name": role, "terminating": True, "paths": PATHS[role], **keys.role()}
        for role, keys in (("pages", pages), ("bins", bins))
    ]
    keys = {keyid: dict(key) for keys in (pages, bins) for keyid, key in keys.keys.items()}
    return _targets(version, expires, {"keys": keys, "roles": roles})


def bins_value(role: str, version: int, expires: datetime, *, bins: Bins, online: KeySet) -> Value:
    """`role` is "pages" or "bins": nothing of its own, and all its bins, which the `online` keys sign."""
    succinct = {**online.role(), "bit_length": bins.bits, "name_prefix": f"{KINDS[role]}-{bins.generation}"}
    keys = {keyid: dict(key) for keyid, key in online.keys.items()}
    return _targets(version, expires, {"keys": keys, "succinct_roles": succinct})


def _targets(version: int, expires: datetime, delegations: Value) -> Value:
    return {
        "_type": "targets",
        "delegations": delegations,
        "expires": utc(expires),
        "spec_version": SPEC,
        "targets": {},
        "version": version,
    }


def top_keys(root: Value, role: str) -> KeySet:
    """Who signs root, targets, timestamp or snapshot, read from a root."""
    listed = root["roles"][role]
    return KeySet({keyid: root["keys"][keyid] for keyid in listed["keyids"]}, int(listed["threshold"]))


def delegated_keys(targets: Value, role: str) -> KeySet:
    """Who signs pages or bins, read from targets."""
    (listed,) = (entry for entry in targets["delegations"]["roles"] if entry["name"] == role)
    keys = targets["delegations"]["keys"]
    return KeySet({keyid: keys[keyid] for keyid in listed["keyids"]}, int(listed["threshold"]))


def bin_keys(value: Value) -> KeySet:
    """Who signs the bins, read from pages or bins."""
    delegations = value["delegations"]
    listed = delegations["succinct_roles"]
    return KeySet({keyid: delegations["keys"][keyid] for keyid in listed["keyids"]}, int(listed["threshold"]))


def bins_of(value: Value) -> Bins:
    """The bins that pages or bins delegate to."""
    listed = value["delegations"]["succinct_roles"]
    return Bins(2 ** int(listed["bit_length"]), int(listed["name_prefix"].rpartition("-")[2]))


def names_of(root: Value) -> dict[str, str]:
    """Key id -> name of its holder, as a root says it."""
    return dict(root.get("x-bonded", {}).get("names", {}))


def one_time_of(root: Value) -> set[str]:
    """Ids of the keys that a root says were destroyed after they signed."""
    return set(root.get("x-bonded", {}).get("one_time", []))


def payload(value: Value) -> bytes:
    """What is signed: TUF's canonical JSON. Raises NotCanonical for values that may not be signed.

    Unlike the bytes of online roles these may differ from the file: keys in PEM hold line breaks, which JSON escapes.
    """
    check(_without_breaks(value))
    return str(encode_canonical(value)).encode()


def _without_breaks(value: Any) -> Any:
    """`value` with line breaks taken out of public keys, the one place where they may be."""
    if isinstance(value, dict):
        return {
            key: item.replace("\n", "") if key == "public" and isinstance(item, str) else _without_breaks(item)
            for key, item in value.items()
        }
    return [_without_breaks(item) for item in value] if isinstance(value, list) else value


def offline_file(value: Value, signatures: Sequence[Mapping[str, str]]) -> bytes:
    """A metadata file from its signed part and signatures [{"keyid", "sig"}], sorted by key."""
    ordered = sorted(({"keyid": s["keyid"], "sig": s["sig"]} for s in signatures), key=lambda s: s["keyid"])
    return canonical({"signatures": ordered, "signed": value})


def sign_offline(value: Value, signers: Iterable[Signer]) -> bytes:
    """The file of `value`, signed by each of `signers` (of securesystemslib)."""
    data = payload(value)
    return offline_file(value, [signer.sign(data).to_dict() for signer in signers])


def sign_step(step: StepValues, signers: Mapping[str, Iterable[Signer]]) -> Step:
    """`step` with each role signed by its `signers` at once, for keys that are all at hand."""
    return Step(
        step.name, {role: sign_offline(value, signers[role]) for role, value in step.values.items()}, step.after
    )


def public_key(keyid: str, key: PublicKey) -> Key:
    """A key that can verify. Raises ValueError, KeyError for what is no key."""
    return Key.from_dict(keyid, {name: dict(v) if isinstance(v, Mapping) else v for name, v in key.items()})
