"""Making a repository: root, the offline roles and the first publication, number 1, with every bin empty.

`create_dev_repository` makes all keys at once, on this machine, and marks the repository as for development in its root;
a real one begins with a ceremony.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

from bonded.seams import Storage
from bonded.tuf import binfile, pages, pointer
from bonded.tuf.canonical import canonical, check, enclose
from bonded.tuf.keys import make_key
from bonded.tuf.roles import SPEC, TIMESTAMP, BinSet, changes_name, metadata_name

OFFLINE = timedelta(days=365)
"""How long root, targets, pages and bins are valid (PEP 458)."""
GENERATION = 1


class BadBinCount(ValueError):
    """A number of bins that succinct roles cannot have."""


@dataclass(frozen=True, slots=True)
class _Keys:
    root: CryptoSigner
    offline: CryptoSigner
    online: CryptoSigner


def create_dev_repository(
    public: Storage,
    keys_folder: Path,
    *,
    page_bins: int,
    bins: int,
    now: datetime,
    lifetime: timedelta = timedelta(days=1),
) -> bytes:
    """Make keys under `keys_folder` and a whole, empty, valid repository in `public`; returns the root's bytes.

    `keys_folder` gets `online.pem`, encrypted by `passphrase` (made when missing), `root.json`, and the keys that a real
    index would keep offline in `dev/`. Raises BadBinCount, FileExistsError (there are keys already), StorageError.
    If this stops before its last line, there is no timestamp, so there is no repository: remove the keys and repeat.
    """
    sets = _bin_set("page-bin", page_bins), _bin_set("bin", bins)
    keys = _make_keys(keys_folder)
    root = _root(keys, now)
    public.create(metadata_name("root", 1), root)
    for role, data in _offline(keys, sets, now):
        public.create(metadata_name(role, 1), data)
    versions = _empty_bins(public, keys.online, sets, now, lifetime)
    _first_publication(public, keys.online, versions, now, lifetime)
    # Plain clients find an empty index rather than none; the first publication with a project replaces it.
    public.put("simple/index.html", pages.list_html((), 1))
    public.put("simple/index.json", pages.list_json((), 1))
    (keys_folder / "root.json").write_bytes(root)
    return root


def _bin_set(kind: str, count: int) -> BinSet:
    if count < 2 or count & (count - 1) or count > 2**16:
        raise BadBinCount(f"the number of bins must be a power of two from 2 to 65,536, not {count}")
    return BinSet(f"{kind}-{GENERATION}", count.bit_length() - 1, ())


def _make_keys(folder: Path) -> _Keys:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = folder / "passphrase"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(32) + "\n")
    online = make_key(folder / "online.pem", secret.read_text().strip().encode())
    return _Keys(make_key(folder / "dev/root.pem", None), make_key(folder / "dev/targets.pem", None), online)


def _root(keys: _Keys, now: datetime) -> bytes:
    roles = {"root": keys.root, "targets": keys.offline, "timestamp": keys.online, "snapshot": keys.online}
    value = {
        "_type": "root",
        "consistent_snapshot": True,
        "expires": binfile.utc(now + OFFLINE),
        "keys": {k.public_key.keyid: k.public_key.to_dict() for k in (keys.root, keys.offline, keys.online)},
        "roles": {role: {"keyids": [k.public_key.keyid], "threshold": 1} for role, k in roles.items()},
        "spec_version": SPEC,
        "version": 1,
        "x-bonded": {"development": True},
    }
    return _signed(value, keys.root)


def _offline(keys: _Keys, sets: tuple[BinSet, BinSet], now: datetime) -> list[tuple[str, bytes]]:
    """The offline roles: targets above pages and bins, each of which delegates to its bins."""
    offline, online = keys.offline.public_key, keys.online.public_key
    delegated = [
        {"name": name, "keyids": [offline.keyid], "threshold": 1, "terminating": True, "paths": paths}
        for name, paths in (("pages", ["simple/*", "simple/*/*"]), ("bins", ["packages/*/*"]))
    ]
    top = {"keys": {offline.keyid: offline.to_dict()}, "roles": delegated}
    made = [("targets", _signed(_targets(top, now), keys.offline))]
    for role, bins in zip(("pages", "bins"), sets, strict=True):
        succinct = {"keyids": [online.keyid], "threshold": 1, "bit_length": bins.bits, "name_prefix": bins.prefix}
        below = {"keys": {online.keyid: online.to_dict()}, "succinct_roles": succinct}
        made.append((role, _signed(_targets(below, now), keys.offline)))
    return made


def _targets(delegations: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "_type": "targets",
        "delegations": delegations,
        "expires": binfile.utc(now + OFFLINE),
        "spec_version": SPEC,
        "targets": {},
        "version": 1,
    }


def _empty_bins(
    public: Storage, online: CryptoSigner, sets: tuple[BinSet, BinSet], now: datetime, lifetime: timedelta
) -> dict[str, int]:
    """Version 1 of every bin; returns the versions of all roles below the snapshot."""
    versions = {"targets": 1, "pages": 1, "bins": 1}
    sign = _signing(online)
    for bins in sets:
        for role in bins.names():
            signed = binfile.render([], 1, binfile.expiry(role, now, lifetime))
            public.create(metadata_name(role, 1), enclose(signed, sign(role, signed)))
            versions[role] = 1
    return versions


def _first_publication(
    public: Storage, online: CryptoSigner, versions: dict[str, int], now: datetime, lifetime: timedelta
) -> None:
    attempt = secrets.token_hex(8)
    empty = hashlib.sha256(b"").hexdigest()
    changes = canonical(
        {
            "publication": 1,
            "attempt": attempt,
            "kind": "init",
            "content": 1,
            "at": binfile.utc(now),
            "previous": None,
            "journal": {"size": 0, "root": empty},
            "targets": {},
            "pages": {},
        }
    )
    extra = {
        "publication": 1,
        "attempt": attempt,
        "content": 1,
        "changes": hashlib.sha256(changes).hexdigest(),
        "journal_size": 0,
        "journal_root": empty,
        "at": binfile.utc(now),
    }
    sign = _signing(online)
    snapshot = pointer.snapshot(versions, 1, now + lifetime, extra, sign)[1]
    public.create(changes_name(1), changes)
    public.create(metadata_name("snapshot", 1), snapshot)
    public.barrier()
    public.replace(TIMESTAMP, pointer.timestamp(snapshot, 1, now + lifetime, sign)[1], None)


def _signed(value: dict[str, Any], key: CryptoSigner) -> bytes:
    check(value)
    signed = canonical(value)
    return enclose(signed, _signing(key)("", signed))


def _signing(key: CryptoSigner) -> Callable[[str, bytes], list[dict[str, str]]]:
    def sign(_role: str, payload: bytes) -> list[dict[str, str]]:
        return [key.sign(payload).to_dict()]

    return sign


def development(root: bytes) -> bool:
    """Whether a root says that its keys are for development."""
    extra = orjson.loads(root)["signed"].get("x-bonded", {})
    return bool(extra.get("development"))
