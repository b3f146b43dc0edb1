"""The copies that this host keeps of what was signed offline: the root that users are given, the bundles of ceremonies, and
the steps in the database. Nobody here can sign them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog
from sqlalchemy import Connection

from bonded.tuf.ceremony_folder import BUNDLE, read_lines, write_whole
from bonded.tuf.ceremony_state import read_state
from bonded.tuf.offline import Step
from bonded.tuf.steps_rows import sequences
from bonded.tuf.transcript import CeremonyRefused

ROOT_FILE = "keys/root.json"
BUNDLES = "keys/ceremonies"
DATABASE = "the database"

log = structlog.get_logger("bonded.recover")


@dataclass(frozen=True, slots=True)
class Kept:
    """A copy: its bytes, and for people `where` it is. `released`: it is known to have been in the public store."""

    role: str
    version: int
    data: bytes
    where: str
    released: bool


def kept_files(directory: Path, root: bytes, conn: Connection | None) -> list[Kept]:
    """Every copy on this host. `root` is the one that users are given; without `conn` the database is not asked."""
    found = list(_of_files({"root": root}, ROOT_FILE, released=True))
    for path in sorted((directory / BUNDLES).glob("*.json")):
        found += _of_bundle(path)
    for sequence in sequences(conn) if conn is not None else ():
        for at, step in enumerate(sequence.steps):
            found += _of_files(step.files, DATABASE, released=at < sequence.at)
    return found


def _of_bundle(path: Path) -> Iterator[Kept]:
    try:
        state = read_state(read_lines(path.read_bytes(), path.name, (BUNDLE,)))
        steps: Sequence[Step] = state.signed_steps() if state.complete else ()
    except (CeremonyRefused, OSError) as error:
        log.warning("a bundle cannot be read", bundle=path.name, reason=str(error))
        return
    # What began an index, or ended a compromise, was published when its bundle came here; the publisher releases others.
    at_once = state.index.base is None or (state.terms is not None and state.terms.compromised)
    for step in steps:
        yield from _of_files(step.files, f"{BUNDLES}/{path.name}", released=at_once)


def later_bundles(kept: Sequence[Kept], live: Mapping[str, int]) -> list[str]:
    """Which bundles hold newer metadata than is `live` (role -> version), of which the database knows nothing. Oldest first.

    So it is after a restore from before a ceremony: clients that saw what it signed do not go back. Pure.
    """
    known = {one.data for one in kept if one.where == DATABASE}
    found: dict[str, int] = {}
    for one in kept:
        if one.where.startswith(BUNDLES) and one.data not in known and one.version > live[one.role]:
            found[one.where] = max(found.get(one.where, 0), one.version)
    return sorted(found, key=lambda where: found[where])


def keep_bundle(directory: Path, data: bytes) -> None:
    """A bundle stays with the index: it is public, and who wants to check the ceremony later needs it. Raises OSError."""
    state = read_state(read_lines(data, "the bundle", (BUNDLE,)))
    folder = directory / BUNDLES
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(folder / f"{state.id[:16]}.json", data)


def _of_files(files: Mapping[str, bytes], where: str, *, released: bool) -> Iterator[Kept]:
    for role, data in files.items():
        try:
            version = int(orjson.loads(data)["signed"]["version"])
        except (ValueError, KeyError, TypeError):
            continue
        yield Kept(role, version, data, where, released)
