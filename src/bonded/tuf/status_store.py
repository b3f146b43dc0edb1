"""What the public store says of itself, for `status`: the live versions, roles, keys and bins. Read, not verified."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from bonded.seams import NotStored, Storage, StorageError
from bonded.tuf.base import EXTRA
from bonded.tuf.roles import TIMESTAMP, changes_name, metadata_name
from bonded.tuf.status_model import BinsStatus, KeyStatus, RoleStatus, Status
from bonded.tuf.trust import newest_root


def fill(public: Storage, found: Status) -> None:
    """Write into `found` what the store holds. Raises StorageError, and KeyError, TypeError, ValueError for metadata of
    another form."""
    timestamp = _signed(public, TIMESTAMP)[0]
    version = int(timestamp["meta"]["snapshot.json"]["version"])
    snapshot, found.snapshot_bytes = _signed(public, metadata_name("snapshot", version))
    _read_pointer(found, timestamp, snapshot)
    versions = {name.removesuffix(".json"): int(m["version"]) for name, m in snapshot["meta"].items()}
    newest = metadata_name("root", newest_root(public))
    root = _signed(public, newest)[0]
    found.root_fingerprint = fingerprint(public.get(newest).data)
    targets = _signed(public, metadata_name("targets", versions["targets"]))[0]
    keys = dict(root["keys"]) | targets.get("delegations", {}).get("keys", {})
    found.development = bool(root.get(EXTRA, {}).get("development"))
    found.roles = [
        _top(root, "root", root, online=False),
        _top(root, "timestamp", timestamp, online=True),
        _top(root, "snapshot", snapshot, online=True),
        _top(root, "targets", targets, online=False),
    ]
    for role in targets.get("delegations", {}).get("roles", []):
        document = _signed(public, metadata_name(role["name"], versions[role["name"]]))[0]
        found.roles.append(_role(role["name"], document, role, online=False))
        found.bin_sets += _bins(role["name"], document)
        keys |= document.get("delegations", {}).get("keys", {})
    found.keys = _keys(found, keys)


def is_first(public: Storage, n: int) -> bool:
    """Whether publication `n` has none before it, by its own record: the one that a ceremony's import or `bonded init` makes."""
    try:
        return orjson.loads(public.read(changes_name(n)))["previous"] is None
    except (StorageError, KeyError, TypeError, ValueError):
        return False


def _read_pointer(found: Status, timestamp: dict[str, Any], snapshot: dict[str, Any]) -> None:
    ours = snapshot.get(EXTRA, {})
    found.live = int(timestamp["version"])
    found.attempt, found.content = str(ours.get("attempt", "")), int(ours.get("content", 0))
    if "at" in ours:
        found.signed_at = datetime.fromisoformat(ours["at"])
        found.lifetime = datetime.fromisoformat(timestamp["expires"]) - found.signed_at


def _signed(public: Storage, name: str) -> tuple[dict[str, Any], int]:
    try:
        data = public.get(name).data
    except NotStored:
        raise NotStored(name) from None  # the store's own words may hold a path of the machine
    signed: dict[str, Any] = orjson.loads(data)["signed"]
    return signed, len(data)


def _top(root: dict[str, Any], name: str, signed: dict[str, Any], *, online: bool) -> RoleStatus:
    return _role(name, signed, root["roles"][name], online=online)


def _role(name: str, signed: dict[str, Any], listed: dict[str, Any], *, online: bool) -> RoleStatus:
    expires = datetime.fromisoformat(signed["expires"])
    return RoleStatus(name, int(signed["version"]), expires, int(listed["threshold"]), tuple(listed["keyids"]), online)


def _keys(found: Status, keys: Mapping[str, dict[str, Any]]) -> list[KeyStatus]:
    """Every key with what it may sign, in the order of the roles; keys that no role lists are of no use and left out."""
    signs: dict[str, list[str]] = {}
    for keyids, name in [(r.keys, r.name) for r in found.roles] + [(b.keys, f"{b.prefix}-*") for b in found.bin_sets]:
        for keyid in keyids:
            signs.setdefault(keyid, []).append(name)
    return [
        KeyStatus(keyid, str(keys[keyid]["scheme"]), tuple(roles)) for keyid, roles in signs.items() if keyid in keys
    ]


def _bins(role: str, signed: dict[str, Any]) -> list[BinsStatus]:
    succinct = signed.get("delegations", {}).get("succinct_roles")
    if succinct is None:
        return []
    count, keys = 2 ** int(succinct["bit_length"]), tuple(succinct["keyids"])
    return [BinsStatus(role, str(succinct["name_prefix"]), count, int(succinct["threshold"]), keys)]


def fingerprint(root: bytes) -> str:
    """sha256 of the root metadata, in groups of four, as it is printed at a ceremony and compared by eye."""
    digits = hashlib.sha256(root).hexdigest()
    return " ".join(digits[i : i + 4] for i in range(0, 64, 4))
