"""Every way a run can end badly: a code, an exit status, and one sentence for the person.

`CATALOGUE` is the whole list; `docs/client-author/failures.md` explains each and a test keeps the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from tuf.api import exceptions
from tuf.api.serialization import DeserializationError


class Exit(IntEnum):
    """Exit statuses of the command. 2 is left to wrong usage, as argparse has it."""

    NOT_FOUND = 3
    UNREACHABLE = 4
    SLOW = 5
    UNTRUSTED = 6
    EXPIRED = 7
    LOCAL = 8


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of failure. `attack` says that someone between index and client may have caused it."""

    code: str
    exit: Exit
    attack: bool = False


CATALOGUE: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind("project-unknown", Exit.NOT_FOUND),
        Kind("version-unknown", Exit.NOT_FOUND),
        Kind("file-unknown", Exit.NOT_FOUND),
        Kind("file-withdrawn", Exit.NOT_FOUND),
        Kind("project-quarantined", Exit.NOT_FOUND),
        Kind("requirement-invalid", Exit.NOT_FOUND),
        Kind("index-unreachable", Exit.UNREACHABLE),
        Kind("index-error", Exit.UNREACHABLE),
        Kind("metadata-missing", Exit.UNREACHABLE),
        Kind("slow", Exit.SLOW, attack=True),
        Kind("expired", Exit.EXPIRED, attack=True),
        Kind("bad-signature", Exit.UNTRUSTED, attack=True),
        Kind("rollback", Exit.UNTRUSTED, attack=True),
        Kind("mixed-versions", Exit.UNTRUSTED, attack=True),
        Kind("endless-data", Exit.UNTRUSTED, attack=True),
        Kind("altered", Exit.UNTRUSTED, attack=True),
        Kind("undecodable", Exit.UNTRUSTED, attack=True),
        Kind("malformed", Exit.UNTRUSTED, attack=True),
        Kind("root-unreadable", Exit.LOCAL),
        Kind("root-invalid", Exit.LOCAL),
        Kind("disk", Exit.LOCAL),
        Kind("busy", Exit.LOCAL),
    )
}


class Failure(Exception):
    """The run ends here. `sentence` is for the person: printable, one line, without a trailing code."""

    def __init__(self, code: str, sentence: str) -> None:
        self.kind = CATALOGUE[code]
        self.sentence = printable(sentence)
        super().__init__(f"{self.sentence} [{code}]")

    @property
    def code(self) -> str:
        return self.kind.code

    @property
    def exit(self) -> Exit:
        return self.kind.exit


class UndecodableError(exceptions.DownloadError):
    """The compressed form of an answer is broken."""


class RollbackError(exceptions.BadVersionNumberError):
    """Something older than what this client has already trusted was served as if it were new."""


def printable(text: str) -> str:
    """`text` on one line, at most 400 characters, with control and bidirectional characters as '?'.

    Names and addresses in our sentences come from the other side, and end up on a terminal.
    """
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return shown if len(shown) <= 400 else shown[:397] + "..."


def translate(error: Exception, url: str) -> Failure:
    """The failure that a person should read for an error of python-tuf, the network or the disk.

    `url` is the last address that was asked for; it says which file the error is about.
    """
    if isinstance(error, Failure):
        return error
    if isinstance(error, exceptions.DownloadHTTPError):
        return _of_status(error.status_code, url)
    for family, code, sentence in _FAMILIES:
        if isinstance(error, family):
            return Failure(code, sentence.format(url=url, error=error))
    if isinstance(error, OSError):
        return Failure("disk", f"A local file could not be read or written: {error}.")
    raise error


def _of_status(status: int, url: str) -> Failure:
    if status in {403, 404, 410}:
        return Failure("metadata-missing", f"The index names {url}, but answers {status} for it.")
    return Failure("index-error", f"The index answered {status} for {url}.")


_FAMILIES: tuple[tuple[type[Exception], str, str], ...] = (
    (exceptions.ExpiredMetadataError, "expired", "What the index shows has expired ({error}); it may be held back."),
    (exceptions.UnsignedMetadataError, "bad-signature", "{url} is not signed by the keys that the index delegates to."),
    (RollbackError, "rollback", "The index shows an older state than this client has already seen ({error})."),
    (
        exceptions.BadVersionNumberError,
        "mixed-versions",
        "{url} does not belong to the state that the index signed ({error}).",
    ),
    (
        exceptions.LengthOrHashMismatchError,
        "altered",
        "{url} is not what the index signed: its length or hash differs.",
    ),
    (exceptions.DownloadLengthMismatchError, "endless-data", "{url} is longer than the index may make it."),
    (exceptions.SlowRetrievalError, "slow", "{url} came too slowly, or stopped coming."),
    (UndecodableError, "undecodable", "{url} came in a broken compressed form ({error})."),
    (exceptions.DownloadError, "index-unreachable", "{url} could not be fetched ({error})."),
    (DeserializationError, "malformed", "{url} is not TUF metadata."),
    (exceptions.RepositoryError, "malformed", "{url} does not fit the rest of the signed metadata ({error})."),
)
