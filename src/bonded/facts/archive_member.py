"""What a reader of archives yields and notes: members, problems, and what it left unread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MOST_NOTES = 1000
"""Problems and unread entries kept of one archive: a hostile one could have one for each of its members."""


class Kind(StrEnum):
    """What a member is. Only files and folders are ordinary; links are allowed in some archives."""

    FILE = "file"
    FOLDER = "folder"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    SPECIAL = "special"
    """A device, a fifo, or something with no meaning on a file system."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member, already read. `size` is in bytes as really unpacked; `mode` the permission bits, 0 when unknown.

    `path` is as in the archive, folders without their final slash; `link` is the target of a link. `sha256` is the hex
    digest of the contents, "" for all but files. `data` are the contents of a file that `keep` asked for, else None; also
    None where they come `later`.
    `digests` holds further hex digests that the reader was asked for, by algorithm.
    """

    path: str
    size: int
    kind: Kind
    mode: int
    link: str
    sha256: str
    data: bytes | None
    digests: Mapping[str, str] = field(default_factory=dict)
    head: bytes = b""
    """The first bytes of a file, as many as tell what it is (`facts.magic`)."""
    later: Callable[[], bytes] | None = None
    """Gives the contents of a file that `keep` asked for and that was known without unpacking it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that no honest archive has, or that parsers read differently. `path`: the member, "" for the archive.

    `code` is fixed (see `archive_codes`), `sentence` says in words what is wrong and where.
    """

    code: str
    path: str
    sentence: str


class Broken(Exception):
    """Reading cannot go on: what follows in the archive cannot be made sense of."""

    def __init__(self, code: str, sentence: str, path: str = "") -> None:
        super().__init__(sentence)
        self.problem = Problem(code, path, sentence)


class Notes:
    """Collects problems and what was left unread, up to a bound."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.unread: list[str] = []

    def problem(self, code: str, sentence: str, path: str = "") -> None:
        """Note a problem; beyond MOST_NOTES only the first ones are kept."""
        if len(self.problems) < MOST_NOTES:
            self.problems.append(Problem(code, path, sentence))

    def left(self, sentence: str) -> None:
        """Note that something was not read, and why."""
        if len(self.unread) < MOST_NOTES:
            self.unread.append(sentence)
