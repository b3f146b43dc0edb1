"""Making a repository: root, the offline roles and the first publication, number 1, with every bin empty.

`create_dev_repository` makes all keys at once, on this machine, and marks the repository as for development in its root;
a real one begins with a ceremony.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

from bonded.seams import Storage
from bonded.tuf import binfile, pages, pointer
from bonded.tuf.canonical import canonical, enclose
from bonded.tuf.keys import make_key
from bonded.tuf.offline import (
    KINDS,
    OFFLINE,
    BadBinCount,
    Bins,
    Step,
    StepValues,
    Value,
    bins_of,
    bins_value,
    key_set,
    root_value,
    sign_step,
    targets_value,
)
from bonded.tuf.plan import SignMany
from bonded.tuf.roles import TIMESTAMP, BinSet, changes_name, metadata_name
from bonded.tuf.threads import ahead

AT_ONCE = 256
"""Bins for which a signer is asked in one call: it may be a service that takes its time."""

__all__ = ["BadBinCount", "begin_repository", "create_dev_repository", "development", "make_online_key"]


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
    sets = {"pages": Bins(page_bins), "bins": Bins(bins)}
    keys = _make_keys(keys_folder)
    signers = {"root": [keys.root], "targets": [keys.offline], "pages": [keys.offline], "bins": [keys.offline]}
    step = sign_step(StepValues("first", _dev_values(keys, sets, now)), signers)
    begin_repository(public, step, _signing(keys.online), n=1, attempt=secrets.token_hex(8), now=now, lifetime=lifetime)
    (keys_folder / "root.json").write_bytes(step.files["root"])
    return step.files["root"]


def _make_keys(folder: Path) -> _Keys:
    online = make_online_key(folder)
    return _Keys(make_key(folder / "dev/root.pem", None), make_key(folder / "dev/targets.pem", None), online)


def make_online_key(folder: Path) -> CryptoSigner:
    """Make `online.pem` in `folder`, encrypted by `passphrase` there, which is made (0600) when it is missing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = folder / "passphrase"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(32) + "\n")
    return make_key(folder / "online.pem", secret.read_text().strip().encode())


def _dev_values(keys: _Keys, sets: Mapping[str, Bins], now: datetime) -> dict[str, Value]:
    """All offline roles at version 1, with one key for each kind of role."""
    expires = now + OFFLINE
    root, offline, online = (key_set([key]) for key in (keys.root, keys.offline, keys.online))
    return {
        "root": root_value(1, expires, root=root, targets=offline, online=online, development=True),
        "targets": targets_value(1, expires, pages=offline, bins=offline),
        **{role: bins_value(role, 1, expires, bins=bins, online=online) for role, bins in sets.items()},
    }


def begin_repository(
    public: Storage, step: Step, sign: SignMany, *, n: int, attempt: str, now: datetime, lifetime: timedelta
) -> None:
    """Put the signed offline roles of `step`, every bin empty, and publication `n`, the first. `sign` has the online key.

    Raises StorageError. If it stops before the timestamp, which comes last, there is no repository; repeat it then with
    another number.
    """
    for role, data in step.files.items():
        public.create(metadata_name(role, int(step.signed[role]["version"])), data)
    versions = {role: version for role, version in step.versions().items() if role != "root"}
    for role in KINDS:
        versions |= _empty_bins(public, sign, _bin_set(role, step.signed[role]), n, now, lifetime)
    _first_publication(public, sign, versions, n, attempt, now, lifetime)
    # Plain clients find an empty index rather than none; the first publication with a project replaces it.
    public.put("simple/index.html", pages.list_html((), n))
    public.put("simple/index.json", pages.list_json((), n))


def _bin_set(role: str, value: Value) -> BinSet:
    bins = bins_of(value)
    return BinSet(f"{KINDS[role]}-{bins.generation}", bins.bits, ())


def _empty_bins(
    public: Storage, sign: SignMany, bins: BinSet, n: int, now: datetime, lifetime: timedelta
) -> dict[str, int]:
    """Version `n` of every bin, with nothing in it; returns their versions."""
    items = [(role, binfile.render(b"", n, binfile.expiry(role, now, lifetime))) for role in bins.names()]
    for begin in range(0, len(items), AT_ONCE):
        some = items[begin : begin + AT_ONCE]
        files = [
            (metadata_name(role, n), enclose(signed, signatures))
            for (role, signed), signatures in zip(some, sign(some), strict=True)
        ]
        for _ in ahead(lambda file: public.create(*file), files, public.at_once):
            pass
    return dict.fromkeys(bins.names(), n)


def _first_publication(
    public: Storage, sign: SignMany, versions: dict[str, int], n: int, attempt: str, now: datetime, lifetime: timedelta
) -> None:
    def one(role: str, payload: bytes) -> list[dict[str, str]]:
        return sign([(role, payload)])[0]

    empty = hashlib.sha256(b"").hexdigest()
    changes = canonical(
        {
            "publication": n,
            "attempt": attempt,
            "kind": "init",
            "content": n,
            "at": binfile.utc(now),
            "previous": None,
            "journal": {"size": 0, "root": empty},
            "targets": {},
            "pages": {},
        }
    )
    extra = {
        "publication": n,
        "attempt": attempt,
        "content": n,
        "changes": hashlib.sha256(changes).hexdigest(),
        "journal_size": 0,
        "journal_root": empty,
        "at": binfile.utc(now),
    }
    snapshot = pointer.snapshot(pointer.Listing(versions), n, now + lifetime, extra, one)[1]
    public.create(changes_name(n), changes)
    public.create(metadata_name("snapshot", n), snapshot)
    public.barrier()
    public.replace(TIMESTAMP, pointer.timestamp(snapshot, n, now + lifetime, one)[1], None)


def _signing(key: CryptoSigner) -> SignMany:
    return lambda items: [[key.sign(payload).to_dict()] for _, payload in items]


def development(root: bytes) -> bool:
    """Whether a root says that its keys are for development."""
    extra = orjson.loads(root)["signed"].get("x-bonded", {})
    return bool(extra.get("development"))
