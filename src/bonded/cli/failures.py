"""Which exceptions are a person's business, and the sentence that each becomes on the command line."""

from __future__ import annotations

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError, InternalError, OperationalError

from bonded.db.revision import NewerSchema
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

OTHER_TABLES = {"42P01", "42703", "3F000"}
"""PostgreSQL's codes for a table, a column and a schema that are not there."""

NO_RIGHT = "42501"
"""PostgreSQL's code for what a role may not do."""

READ_ONLY = "25006"
"""PostgreSQL's code for a change where none is taken: a standby, or a server that somebody made read-only."""


def sentence_of(error: Exception) -> str | None:
    """The sentence for standard error, or None when it is a defect of ours and a traceback is right."""
    if isinstance(error, Refusal):
        return f"{error.sentence} ({error.code})"
    if isinstance(error, SettingsError | BadPolicy | NewerSchema):
        return str(error)
    if isinstance(error, DBAPIError):
        return _of_database(error.orig, isinstance(error, OperationalError | InternalError))
    if isinstance(error, sqlite3.Error):  # of a backup, which copies the file without SQLAlchemy
        return _of_database(error, isinstance(error, sqlite3.OperationalError))
    if isinstance(error, SignerRefused | SignerUnusable):
        return f"nothing was signed: {error}"
    if isinstance(error, StorageError):
        return f"the store failed: {error}"
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":  # bytes of an argument
        part = ascii(error.object[max(0, error.start - 20) : error.end + 20])
        return f"{part} is not in UTF-8, in which everything here is written"
    if isinstance(error, PermissionError | FileNotFoundError | FileExistsError | NotADirectoryError):
        return f"{error.strerror}: {error.filename}"
    if isinstance(error, OSError) and error.errno in DISK:
        name = error.filename2 or error.filename  # of a copy, the one that is written
        where = f": {name}" if name else ""
        return f"{error.strerror}{where}. {DISK[error.errno]}, and run the same command again"
    return None


def _of_database(error: BaseException | None, away: bool) -> str | None:
    """What a database says, with what to do; None where a statement of ours is wrong. `away`: its own or the network's fault."""
    said = str(error).strip()
    first, code = said.partition("\n")[0], getattr(error, "sqlstate", None)
    name = str(getattr(error, "sqlite_errorname", ""))
    if code in OTHER_TABLES or first.startswith(("no such table", "no such column")):
        return (
            f"the database does not have the tables of this version ({first}): "
            "see that `database.url` names the right one, then run `bonded migrate`"
        )
    if code == NO_RIGHT:
        return (
            f"the database does not permit it to this role: {first}. Run `bonded migrate` as the role that owns the tables; "
            "with --web-role and --server-role it gives the others what they need"
        )
    if code == READ_ONLY:
        return (
            f"the database takes no changes ({first}): see that `database.url` names the server that does, not a standby, "
            "and that nobody made it read-only"
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return f"the database is damaged: {said}. Stop everything and restore a backup"
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR")):
        return (
            f"the database cannot be used: {said}. See that this user may write its file (`database.url`) and the folder "
            "around it, and that the disk is neither full nor read-only"
        )
    if first.startswith("invalid connection option"):  # after the `?` of database.url
        return f"the database cannot be asked: {first} in `database.url`"
    return f"the database does not answer: {said}" if away else None
