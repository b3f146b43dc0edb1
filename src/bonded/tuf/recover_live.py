"""What clients are shown now, read without believing more of it than they do: also what an intruder with the online key
signed, who owes us neither our extra field nor an honest record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from securesystemslib.exceptions import FormatError
from securesystemslib.formats import encode_canonical

from bonded.seams import NotStored, Storage
from bonded.tuf.base import EXTRA, versions_of
from bonded.tuf.binfile import Target
from bonded.tuf.canonical import NotCanonical, enclose
from bonded.tuf.roles import TIMESTAMP, metadata_name
from bonded.tuf.trust import Signers, Trust, Untrusted, read_trust


@dataclass(frozen=True, slots=True)
class Live:
    """A timestamp and its snapshot that clients accept. `attempt` and `changes` are "" where the snapshot does not say."""

    n: int
    attempt: str
    changes: str
    versions: Mapping[str, int]
    trust: Trust

    def targets(self, public: Storage, role: str) -> dict[str, Target]:
        """The targets of one live bin, its signature verified. Raises Untrusted."""
        if role not in self.versions:
            raise Untrusted(f"the live snapshot does not list the bin {role}")
        try:
            data = public.get(metadata_name(role, self.versions[role])).data
        except NotStored as error:
            raise Untrusted(f"bin {role} {self.versions[role]}: {error}") from error
        return targets_of(signed_part(self.trust.bins, role, data))


def read_live(public: Storage) -> Live:
    """Raises Untrusted when clients would not accept it, NotStored when there is no timestamp."""
    data = public.get(TIMESTAMP).data
    try:
        listed = orjson.loads(data)["signed"]["meta"]["snapshot.json"]
        snapshot_data = public.get(metadata_name("snapshot", listed["version"])).data
        versions = versions_of(orjson.loads(snapshot_data)["signed"])
    except (NotStored, KeyError, ValueError, TypeError, AttributeError) as error:
        raise Untrusted(f"timestamp or snapshot in the store: {error}") from error
    if hashlib.sha256(snapshot_data).hexdigest() != listed.get("hashes", {}).get("sha256", ""):
        raise Untrusted(f"snapshot {listed['version']} is not the one that the timestamp names")
    trust = read_trust(public, versions)
    pointer = signed_part(trust.timestamp, "timestamp", data)
    extra = _extra(signed_part(trust.snapshot, "snapshot", snapshot_data))
    return Live(int(pointer["version"]), str(extra.get("attempt", "")), str(extra.get("changes", "")), versions, trust)


def signed_part(signers: Signers, role: str, data: bytes) -> dict[str, Any]:
    """The signed part of a file that enough keys signed, in whatever form its JSON is written. Raises Untrusted."""
    try:
        try:
            signed = signers.check(role, data)
        except NotCanonical:  # not written by this publisher: put into the form that is signed, then checked
            envelope = orjson.loads(data)
            payload = str(encode_canonical(envelope["signed"])).encode()
            signed = signers.check(role, enclose(payload, envelope["signatures"]))
        value = orjson.loads(signed)
    except (NotCanonical, FormatError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise Untrusted(f"{role} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise Untrusted(f"{role} is no object")
    return value


def _extra(snapshot: Mapping[str, Any]) -> Mapping[str, Any]:
    extra = snapshot.get(EXTRA)
    return extra if isinstance(extra, dict) else {}


def targets_of(signed: Mapping[str, Any]) -> dict[str, Target]:
    """Path -> target, from a bin's signed part. Raises Untrusted for a form that is not ours."""
    try:
        listed = signed["targets"].items()
        return {path: Target(str(info["hashes"]["sha256"]), int(info["length"])) for path, info in listed}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Untrusted(f"a bin cannot be read: {error}") from error
