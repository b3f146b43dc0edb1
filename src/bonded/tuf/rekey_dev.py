"""New online keys where the offline keys are development keys on this host: what a ceremony does elsewhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import orjson

from bonded.seams import Storage
from bonded.tuf.keys import make_key
from bonded.tuf.offline import ROLES, Offline, Step, key_set
from bonded.tuf.recover_offline import standing
from bonded.tuf.rekey import BadBundle, dev_step
from bonded.tuf.rotate_dev import dev_keys, sign_all
from bonded.tuf.steps import BadSteps


def make_step(
    public: Storage, trusted_root: bytes, keys: Path, online: Path, passphrase: bytes, now: datetime
) -> tuple[Step, Path]:
    """Root, pages and bins that name a new online key for the file `online`, and where that key is. `keys`/dev signs them.

    Raises BadBundle, Untrusted. If we stop afterwards, the new key is made again the next time.
    """
    if not (keys / "dev").is_dir():
        raise BadBundle("this index has no development keys: hold a ceremony with `bonded tuf ceremony --compromised`")
    try:
        signers = dev_keys(keys)
    except BadSteps as error:
        raise BadBundle(str(error)) from error
    old = standing(public, trusted_root)
    values = {role: orjson.loads(old.files[role])["signed"] for role in ROLES}
    made = online.with_name(f"{online.name}.new")
    made.unlink(missing_ok=True)
    new = key_set([make_key(made, passphrase)])
    (step,) = sign_all(Offline(**values), [dev_step(old, values, new, now)], signers)
    standing(public, trusted_root, step)  # the old key stays where it is until what names the new one verifies
    return step, made


def take_key(online: Path, made: Path) -> None:
    """Put the new key in place of the old one, which is kept under another name and signs nothing any more."""
    if online.exists():
        number = 1
        while (kept := online.with_name(f"{online.stem}.revoked-{number}.pem")).exists():
            number += 1
        online.rename(kept)
    made.rename(online)
