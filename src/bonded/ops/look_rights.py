"""fsck looks at who else on this machine can read what is private in the data directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bonded.ops.disagreements import Disagreement, define
from bonded.ops.ground import Ground

PRIVATE_OPEN = define(
    "private-open",
    "Others on this machine can read keys, secrets, settings or the database: password hashes and addresses are in it.",
    "Take their rights away with `chmod go= FILE`; think of who could have read it.",
)
PRIVATE = ("bonded.toml", "bonded.db*", "keys/*.pem", "keys/passphrase", "secrets/*")
"""Patterns within the data directory. What settings keep elsewhere is not looked at."""


def look(ground: Ground) -> Iterator[Disagreement]:
    """Each private file that its group or everybody can read, where the folders above let them come."""
    for path in _private(ground.directory) if ground.directory else ():
        who = readers(path)
        if who:
            yield Disagreement(PRIVATE_OPEN, str(path), f"{who} can read it", warning=True)


def _private(directory: Path) -> Iterator[Path]:
    for pattern in PRIVATE:
        with suppress(OSError):  # a folder that is hidden from us is hidden from others, too
            yield from sorted(path for path in directory.glob(pattern) if path.is_file())


def readers(path: Path) -> str:
    """Who besides the owner can read the file: "everybody", "its group" or "" for nobody."""
    try:
        mode = path.stat().st_mode
        above = [folder.stat().st_mode for folder in path.absolute().parents]
    except OSError:
        return ""
    if mode & 0o004 and all(one & 0o001 for one in above):
        return "everybody"
    if mode & 0o040 and all(one & 0o011 for one in above):
        return "its group"
    return ""
