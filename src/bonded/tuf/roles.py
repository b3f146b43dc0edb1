"""Roles and target paths: which bin a target is in, and how objects are named (PEP 458, TAP 15). Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bonded.values.names import LONGEST_FILENAME

SPEC = "1.0.34"
"""Version of the TUF specification that the metadata follow."""

_PATH = re.compile(r"(?:simple|packages)(?:/[A-Za-z0-9._+!-]+){1,2}", re.ASCII)


class BadPath(ValueError):
    """A target path that is not allowed: not ASCII, too long, or of another form."""


def check_path(path: str) -> str:
    """Return `path`. Raises BadPath unless it is short ASCII of the public store's layout, without `..`."""
    *folders, last = path.split("/")
    if len(path) > 512 or len(last) > LONGEST_FILENAME or not _PATH.fullmatch(path) or ".." in (*folders, last):
        raise BadPath(f"not a target path: {path[:100]!r}")
    return path


def hash32(path: str) -> int:
    """First 32 bits of sha256 of the path: its bin under any number of bins."""
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:4], "big")


@dataclass(frozen=True, slots=True)
class BinSet:
    """One generation of succinct bins: 2**bits roles called `prefix`-<hex>. `keyids` may sign them."""

    prefix: str
    bits: int
    keyids: tuple[str, ...]
    threshold: int = 1

    def name(self, at: int) -> str:
        """The bin of a target by the `hash32` of its path."""
        return f"{self.prefix}-{at >> (32 - self.bits):0{self._digits}x}"

    def names(self) -> Iterator[str]:
        """All bins in order."""
        return (f"{self.prefix}-{i:0{self._digits}x}" for i in range(2**self.bits))

    def has(self, role: str) -> bool:
        """Whether `role` is one of these bins."""
        return role.startswith(f"{self.prefix}-") and len(role) == len(self.prefix) + 1 + self._digits

    def span(self, role: str) -> tuple[int, int]:
        """First and last `hash32` of the targets in `role`."""
        first = int(role.rpartition("-")[2], 16) << (32 - self.bits)
        return first, first + (1 << (32 - self.bits)) - 1

    @property
    def _digits(self) -> int:
        return max(1, (self.bits + 3) // 4)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which bins hold pages and which hold files; `next_...` is a generation that is being written, beside the live one."""

    pages: BinSet
    files: BinSet
    next_pages: BinSet | None = None
    next_files: BinSet | None = None

    def role(self, path: str) -> str:
        """The live bin of a target."""
        return (self.pages if path.startswith("simple/") else self.files).name(hash32(path))

    def next_role(self, path: str) -> str | None:
        """The bin of a target in the generation that is being written, None when there is none."""
        bins = self.next_pages if path.startswith("simple/") else self.next_files
        return bins.name(hash32(path)) if bins else None

    def live(self, role: str) -> bool:
        """Whether `role` is a bin to which clients are sent."""
        return self.pages.has(role) or self.files.has(role)

    def has(self, role: str) -> bool:
        """Whether `role` is a bin of these generations."""
        return any(bins.has(role) for bins in self.sets())

    def set_of(self, role: str) -> BinSet:
        """The set that `role` belongs to. Raises KeyError for a role that is no bin."""
        for bins in self.sets():
            if bins.has(role):
                return bins
        raise KeyError(role)

    def prefix_of(self, role: str) -> str:
        """How the path of every target in `role` begins."""
        pages = self.pages.has(role) or (self.next_pages is not None and self.next_pages.has(role))
        return "simple/" if pages else "packages/"

    def sets(self) -> Iterator[BinSet]:
        """Every set of these generations."""
        yield from (bins for bins in (self.pages, self.files, self.next_pages, self.next_files) if bins)


def page_path(key: str, form: str) -> str:
    """Target path of a project page; `form` is "html" or "json", an empty `key` means the project list."""
    return f"simple/{key}/index.{form}" if key else f"simple/index.{form}"


def file_path(key: str, filename: str) -> str:
    """Target path of a distribution file."""
    return f"packages/{key}/{filename}"


def hashed(path: str, sha256: str) -> str:
    """The name of a target's object with consistent snapshots: its hash before its last part."""
    folder, _, last = path.rpartition("/")
    return f"{folder}/{sha256}.{last}"


def metadata_name(role: str, version: int) -> str:
    """The object that holds one version of a role."""
    return f"metadata/{version}.{role}.json"


TIMESTAMP = "metadata/timestamp.json"


def changes_name(n: int) -> str:
    """The object that says what publication `n` changed."""
    return f"publications/{n}.json"
