"""Replacing the online keys after a compromise: new timestamp, snapshot and bin keys, and none of the old ones.

There is no union of old and new keys here, as there is in a rotation: whatever the old keys sign must stop to count. Every
object is put first; then root r+1, which clients trust the moment it exists; it is purged and the timestamp flipped at
once. Between those two puts clients refuse the index: the timestamp is signed by a key that their root no longer names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import structlog

from bonded.seams import OtherBytes, PurgeFailed, Storage
from bonded.tuf.ceremony_folder import BUNDLE, read_lines
from bonded.tuf.ceremony_state import read_state
from bonded.tuf.context import Publisher
from bonded.tuf.offline import (
    OFFLINE,
    KeySet,
    Step,
    StepValues,
    Value,
    bins_of,
    bins_value,
    names_of,
    root_value,
    top_keys,
)
from bonded.tuf.recover_offline import Standing
from bonded.tuf.roles import metadata_name
from bonded.tuf.transcript import CeremonyRefused
from bonded.tuf.trust import Signers, Untrusted

_FILE = re.compile(r"(?:\d+\.)?(root|targets|pages|bins)\.json")
_ROOT = re.compile(r"metadata/(\d+)\.root\.json(?:\.gz|\.zst)?")
NEEDED = ("root", "pages", "bins")

log = structlog.get_logger("bonded.recover")


class BadBundle(Exception):
    """New keys that do not end the compromise. The message says what to do."""


def read_bundle(path: Path) -> Step:
    """The new offline files: a ceremony's bundle, or a folder of files `<role>.json` or `<version>.<role>.json`.

    Raises BadBundle.
    """
    try:
        step = _of_folder(path) if path.is_dir() else _of_ceremony(path.read_bytes(), path)
    except (OSError, ValueError, KeyError, TypeError, CeremonyRefused) as error:
        raise BadBundle(f"{path} cannot be read: {error}") from error
    missing = [role for role in NEEDED if role not in step.files]
    if missing:
        raise BadBundle(f"{path} lacks {', '.join(missing)}: after a compromise root, pages and bins name new keys")
    return step


def _of_folder(folder: Path) -> Step:
    files: dict[str, bytes] = {}
    for path in sorted(folder.iterdir()):
        if found := _FILE.fullmatch(path.name):
            if found[1] in files:
                raise BadBundle(f"{folder} holds more than one {found[1]}: leave only the newest there")
            files[found[1]] = path.read_bytes()
    return Step("compromise", files)


def _of_ceremony(data: bytes, path: Path) -> Step:
    state = read_state(read_lines(data, str(path), (BUNDLE,)))
    if not state.complete:
        raise BadBundle(f"{path} is not signed by enough: finish the ceremony first")
    steps = state.signed_steps()
    if len(steps) != 1:
        raise BadBundle(f"{path} is a rotation in {len(steps)} steps: hold the ceremony with --compromised")
    return steps[0]


def write_bundle(step: Step, folder: Path) -> None:
    """Write the files of `step` as `read_bundle` reads them. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for role, data in step.files.items():
        (folder / f"{step.versions()[role]}.{role}.json").write_bytes(data)


def check_replaced(old: Standing, new: Standing, held: Iterable[str]) -> None:
    """Raise BadBundle unless no old online key signs any more, and the signer holds the new ones (`held`: key ids)."""
    mine = set(held)
    for role in ("timestamp", "snapshot", "bins"):
        before: Signers = getattr(old.trust, role)
        after: Signers = getattr(new.trust, role)
        left = sorted(before.keys.keys() & after.keys.keys())
        if left:
            raise BadBundle(
                f"the new metadata still name the old key {left[0][:8]} for {role}: it must not count any more"
            )
        if len(mine & after.keys.keys()) < after.threshold:
            raise BadBundle(f"the signer does not hold the new key for {role}: set `signer` to the new key first")


def dev_step(old: Standing, values: Mapping[str, Value], keys: KeySet, now: datetime) -> StepValues:
    """Root, pages and bins in which the online `keys` take the place of the old ones, for development keys to sign."""
    root = values["root"]
    expires = now + OFFLINE
    new: dict[str, Value] = {
        "root": root_value(
            old.versions["root"] + 1,
            expires,
            root=top_keys(root, "root"),
            targets=top_keys(root, "targets"),
            online=keys,
            names=names_of(root),
            development=True,
        )
    }
    for role in ("pages", "bins"):
        new[role] = bins_value(role, old.versions[role] + 1, expires, bins=bins_of(values[role]), online=keys)
    return StepValues("compromise", new)


def put_offline(public: Storage, new: Standing) -> None:
    """Put the offline files but root; whatever else lies under their names was put there to be in the way."""
    for role in ("targets", "pages", "bins"):
        _put(public, metadata_name(role, new.versions[role]), new.files[role])
    public.barrier()


def release_root(p: Publisher, new: Standing) -> None:
    """Put root r+1, the last thing before the flip. From here until the flip clients refuse the index.

    Versions after it, which nobody but an intruder can have put there, are deleted first: clients would stop at them.
    A cache that does not confirm keeps nobody from the flip: it may hold the old answer for a second, whereas clients refuse
    until the flip. Raises StorageError; doing everything again is right then.
    """
    version = new.versions["root"]
    for entry in list(p.public.entries("metadata/")):
        if (found := _ROOT.fullmatch(entry.name)) and int(found[1]) > version:
            log.error("a root that nobody signed is deleted", name=entry.name)
            p.public.delete(entry.name)
    for copy in (".gz", ".zst"):
        p.public.delete(metadata_name("root", version) + copy)
    _put(p.public, metadata_name("root", version), new.files["root"])
    p.public.barrier()
    try:
        p.purger.purge(["root", f"file/{metadata_name('root', version)}"])
    except PurgeFailed as error:
        log.error("a cache was not purged of the old root", reason=str(error))


def _put(public: Storage, name: str, data: bytes) -> None:
    try:
        public.create(name, data)
    except OtherBytes:
        log.error("an object in the way is replaced", name=name)
        public.put(name, data)
    if public.get(name).data != data:
        raise Untrusted(f"{name} does not read back as it was written")
