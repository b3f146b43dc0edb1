"""What a signer's own machine remembers for each key: the newest root it knows, and everything that the key has signed.

It is why a signer cannot be brought to sign a second version 1, or to go back behind a root that they trust.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from bonded.tuf.ceremony_check import read_roots, signed_of
from bonded.tuf.ceremony_folder import write_whole
from bonded.tuf.ceremony_keys import read_file
from bonded.tuf.offline import Value, payload
from bonded.tuf.transcript import CeremonyRefused


@dataclass(slots=True)
class Memory:
    """`root`: the newest root that was known, as a file ("" for none); `signed`: "role version" -> hex sha256 of what was
    signed, and when."""

    keyid: str
    root: str = ""
    signed: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def root_value(self) -> Value | None:
        """The signed part of `root`."""
        return signed_of(self.root.encode(), "root") if self.root else None

    def other(self, role: str, version: int, sha256: str) -> str | None:
        """When the key signed other bytes for this version, None when it did not."""
        known = self.signed.get(f"{role} {version}")
        return known["at"] if known and known["sha256"] != sha256 else None

    def add(self, role: str, version: int, sha256: str, at: str) -> None:
        """Remember a signature."""
        self.signed[f"{role} {version}"] = {"sha256": sha256, "at": at}


def load_memory(home: Path, keyid: str) -> Memory:
    """What is remembered of a key. Raises CeremonyRefused when the file is damaged."""
    path = _path(home, keyid)
    if not path.exists():
        return Memory(keyid)
    try:
        value: dict[str, Any] = orjson.loads(read_file(path))
        return Memory(keyid, str(value["root"]), dict(value["signed"]))
    except (ValueError, KeyError, TypeError):
        raise CeremonyRefused(f"{path}, where this machine remembers what it signed, is damaged") from None


def save_memory(home: Path, memory: Memory) -> None:
    """Write it, durably."""
    path = _path(home, memory.keyid)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    value = {"root": memory.root, "signed": memory.signed}
    write_whole(path, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS), 0o600)


def _path(home: Path, keyid: str) -> Path:
    return home / f"{keyid}.json"


def known_root(memory: Memory, roots: Sequence[bytes]) -> Value | None:
    """The newest root that the machine knows: one it began from, or one in the chain `roots` that the key signed."""
    newest = memory.root_value
    for value in (signed_of(data, "root") for data in roots):
        signed = memory.signed.get(f"root {value['version']}")
        if signed and signed["sha256"] == hashlib.sha256(payload(value)).hexdigest():
            newest = value if newest is None or value["version"] > newest["version"] else newest
    return newest


def check_signed_roots(memory: Memory, roots: Sequence[bytes]) -> None:
    """Raise CeremonyRefused when the index has another root of a version than the one that the key signed."""
    for value in (signed_of(data, "root") for data in roots):
        when = memory.other("root", int(value["version"]), hashlib.sha256(payload(value)).hexdigest())
        if when is not None:
            raise CeremonyRefused(
                f"this key signed another root version {value['version']} on {when[:10]} than the index has. If that "
                "ceremony was given up and nothing of it was imported, say --given-up"
            )


def check_follows(trusted: Value, files: Sequence[bytes], whose: str) -> None:
    """Raise CeremonyRefused unless `trusted` is one of `files`, the verified chain that a ceremony begins from."""
    version = int(trusted["version"])
    if len(files) < version:
        newest = f"root version {len(files)}" if files else "no root at all"
        raise CeremonyRefused(
            f"{whose} knows root version {version}, but this ceremony begins from {newest}: it is an old one, or for "
            "another index. Do not sign; ask for today's ceremony"
        )
    if payload(signed_of(files[version - 1], "root")) != payload(trusted):
        raise CeremonyRefused(
            f"{whose} knows another root version {version} than the one that this ceremony begins from. "
            "Do not sign before you have found out why"
        )
    read_roots(files)
