"""Reading a backup, a folder or a tar file, into a new data directory. Nothing in it is believed before it is checked."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import orjson

from bonded.ops.backup import CONFIGURATION, DATABASE, FORMAT, MANIFEST
from bonded.values.refusals import Refusal, define

NOT_A_BACKUP = define(
    "not-a-backup",
    400,
    "Not a backup of Bonded",
    "A backup is a folder or a .tar file that `bonded backup` wrote, with its manifest backup.json. A folder or file whose name ends "
    "in .partial is a backup that was not finished.",
)
DIRECTORY_IN_USE = define(
    "directory-in-use",
    409,
    "The directory is not empty",
    "A backup is restored into a directory that does not exist yet, so that nothing is mixed or overwritten.",
)

TOP = frozenset({MANIFEST, CONFIGURATION, DATABASE, "keys", "secrets", "public", "vault"})


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the backup says of itself. `live` is the publication it goes on from."""

    made_at: str
    live: int
    database: bool
    keys: bool


def unpack(source: Path, into: Path, *, progress: Callable[[str], None]) -> Manifest:
    """Copy a backup into the new folder `into`. Raises Refusal (not-a-backup, directory-in-use)."""
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise Refusal(DIRECTORY_IN_USE, f"{into} is not empty")
    if not source.exists() or source.name.endswith(".partial"):
        raise Refusal(NOT_A_BACKUP, f"{source} is not a finished backup")
    progress("unpacking")
    if source.is_dir():
        read_manifest(source)
        copy_folder(source, into)
    else:
        _untar(source, into)
    manifest = read_manifest(into)
    (into / MANIFEST).unlink()
    into.chmod(0o700)
    return manifest


def copy_folder(source: Path, into: Path) -> None:
    """As shutil.copytree does, which gathers what fails and forgets why: here the first failure is told as it is."""
    for folder, _, names in os.walk(source, followlinks=True, onerror=_raise):
        target = into / Path(folder).relative_to(source)
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy2(Path(folder) / name, target / name)


def _raise(error: OSError) -> None:
    raise error


def keep_private(directory: Path) -> None:
    """Keys, sealed secrets, settings and the database are for their owner, however the copies of them lay about."""
    for folder in (directory / "keys", directory / "secrets"):
        for path in (folder, *folder.rglob("*")) if folder.exists() else ():
            path.chmod(0o700 if path.is_dir() else 0o600)
    for name in (CONFIGURATION, DATABASE):
        if (directory / name).exists():
            (directory / name).chmod(0o600)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an unpacked backup. Raises Refusal (not-a-backup)."""
    try:
        value = orjson.loads((folder / MANIFEST).read_bytes())
        if value["format"] != FORMAT:
            raise Refusal(NOT_A_BACKUP, f"{folder} has backup format {value['format']}, this version reads {FORMAT}")
        return Manifest(str(value["made_at"]), int(value["live"]), bool(value["database"]), bool(value["keys"]))
    except FileNotFoundError:
        raise Refusal(NOT_A_BACKUP, f"{folder} has no {MANIFEST}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(NOT_A_BACKUP, f"{folder / MANIFEST} cannot be read: {error}") from None


def _untar(source: Path, into: Path) -> None:
    """Plain files only, each checked and written by us: the filters of tarfile are not in every Python 3.11."""
    try:
        with tarfile.open(source) as tar:
            for member in tar:
                _write_member(tar, member, source, into)
    except tarfile.TarError as error:
        raise Refusal(NOT_A_BACKUP, f"{source} cannot be read: {error}") from None


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, source: Path, into: Path) -> None:
    path = PurePosixPath(member.name)
    content = tar.extractfile(member) if member.isfile() else None
    if content is None or path.is_absolute() or ".." in path.parts or path.parts[:1] == () or path.parts[0] not in TOP:
        raise Refusal(NOT_A_BACKUP, f"{source} holds {member.name!r}, which no backup does")
    target = into / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("xb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
    os.utime(target, (member.mtime, member.mtime))
