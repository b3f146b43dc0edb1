"""Which exceptions are a person's business, and the sentence that each becomes on the command line."""

from __future__ import annotations

import errno

from sqlalchemy.exc import OperationalError

from bonded.screening.policy_file import BadPolicy
from bonded.seams import SignerRefused, SignerUnusable, StorageError
from bonded.settings import SettingsError
from bonded.values.refusals import Refusal

DISK = {
    errno.ENOSPC: "Make room",
    errno.EDQUOT: "Make room within your quota",
    errno.EROFS: "Make the file system writable",
    errno.EIO: "See whether the disk or stick is sound",
}
"""What a person does about a disk that takes no more."""


def sentence_of(error: Exception) -> str | None:
    """The sentence for standard error, or None when it is a defect of ours and a traceback is right."""
    if isinstance(error, Refusal):
        return f"{error.sentence} ({error.code})"
    if isinstance(error, SettingsError | BadPolicy):
        return str(error)
    if isinstance(error, OperationalError):
        return f"the database does not answer: {error.orig}"
    if isinstance(error, SignerRefused | SignerUnusable):
        return f"nothing was signed: {error}"
    if isinstance(error, StorageError):
        return f"the store failed: {error}"
    if isinstance(error, PermissionError | FileNotFoundError | FileExistsError | NotADirectoryError):
        return f"{error.strerror}: {error.filename}"
    if isinstance(error, OSError) and error.errno in DISK:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}. {DISK[error.errno]}, and run the same command again"
    return None
