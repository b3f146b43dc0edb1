"""New online keys where the offline keys are development keys on this host: what a ceremony does elsewhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

from bonded.seams import Storage
from bonded.tuf.keys import make_key
from bonded.tuf.offline import Step
from bonded.tuf.recover_offline import standing
from bonded.tuf.rekey import BadBundle, dev_step

ONLINE, NEW = "online.pem", "online.pem.new"


def make_step(public: Storage, trusted_root: bytes, keys: Path, now: datetime) -> tuple[Step, Path]:
    """Root, pages and bins that name a new online key, and where that key is. Raises BadBundle, Untrusted.

    If we stop afterwards, the new key is made again the next time.
    """
    if not (keys / "dev/root.pem").exists():
        raise BadBundle("this index has no development keys: hold a ceremony with `bonded tuf ceremony --compromised`")
    old = standing(public, trusted_root)
    made = keys / NEW
    made.unlink(missing_ok=True)
    online = make_key(made, (keys / "passphrase").read_text("utf-8").strip().encode())
    dev = {name: _load(keys / f"dev/{name}.pem") for name in ("root", "targets")}
    values = {role: orjson.loads(data)["signed"] for role, data in old.files.items()}
    return dev_step(old, values, dev, online, now), made


def take_key(keys: Path, made: Path) -> None:
    """Put the new key in place of the old one, which is kept under another name and signs nothing any more."""
    old = keys / ONLINE
    if old.exists():
        number = 1
        while (kept := keys / f"online.revoked-{number}.pem").exists():
            number += 1
        old.rename(kept)
    made.rename(old)


def _load(path: Path) -> CryptoSigner:
    try:
        return CryptoSigner(load_pem_private_key(path.read_bytes(), None))
    except (OSError, ValueError, TypeError) as error:
        raise BadBundle(f"the development key {path.name} cannot be read: {error}") from error
