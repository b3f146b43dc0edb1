"""Every way a run can end badly, as one sentence for the person; `catalogue` has them all.

Errors of python-tuf, the network and the disk become one of them here and nowhere else.
"""

from __future__ import annotations

from tuf.api import exceptions
from tuf.api.serialization import DeserializationError

from bonded_client.catalogue import CATALOGUE, Exit, Kind

__all__ = [
    "CATALOGUE",
    "Exit",
    "Failure",
    "Kind",
    "RollbackError",
    "UndecodableError",
    "printable",
    "translate",
    "understood",
]


class Failure(Exception):
    """The run ends here. `sentence` is for the person: printable, one line, without a trailing code.

    As text: what happened, what to do, and the code.
    """

    def __init__(self, code: str, sentence: str) -> None:
        self.kind = CATALOGUE[code]
        self.sentence = printable(sentence)
        super().__init__(f"{self.sentence} {self.kind.advice} [{code}]")

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


def understood(error: Exception, url: str) -> Failure:
    """As `translate`, and a failure too for an error that nobody foresaw: a server tells one client, and goes on."""
    try:
        return translate(error, url)
    except Exception as unforeseen:
        return Failure("internal", f"{type(unforeseen).__name__} while working on {url}: {unforeseen}.")


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
