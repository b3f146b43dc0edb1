"""Accepting an upload: examine it, put it into the vault, and enter it into the catalogue in one transaction.

Before the transaction commits nothing happened; when `accept` has returned, nothing can lose the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import DBAPIError, IntegrityError

from bonded.accounts.tokens import Bearer, note_use
from bonded.catalog import read
from bonded.catalog.change import move_file
from bonded.catalog.two_owners import lacks_second
from bonded.db.engine import Database, Tx
from bonded.seams import Attester, Storage
from bonded.upload import attestations
from bonded.upload.attestations import Provenance
from bonded.upload.enter import Entered, enter, look
from bonded.upload.examine import Examined, examine
from bonded.upload.limits import UploadLimits
from bonded.upload.receive import Received
from bonded.upload.vaulting import Vaulted, remove, store
from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState, Mode
from bonded.values.text import new_id
from bonded.values.who import POLICY, Actor

DATABASE_BUSY = define(
    "database-busy",
    503,
    "The index is busy",
    "The index could not write its database just now. Nothing is lost: upload the same file again, which is safe at any time.",
)
ATTEMPTS = 3
"""How often a transaction that lost a race is begun again: the second one sees the winner's rows."""


@dataclass(frozen=True, slots=True)
class UploadContext:
    """What accepting needs. `mode` is that of screening: `watch` publishes at once. `attester` verifies what builds attest,
    None: attestations are not taken."""

    db: Database
    vault: Storage
    limits: UploadLimits
    mode: Mode
    attester: Attester | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to an uploader. `created`: the project is new. `repeated`: these bytes were there already."""

    file_id: str
    project_key: str
    version: str
    filename: str
    state: FileState
    created: bool
    repeated: bool


def accept(context: UploadContext, received: Received, bearer: Bearer, who: Actor, now: datetime) -> Accepted:
    """Accept a received upload for the bearer of a token that was checked for `upload`.

    Safe to repeat: the same bytes again are answered with the state of the file that is there. Raises Refusal, after
    which nothing is left of the upload. The spooled file stays; the caller discards it.
    """
    examined = examine(received, context.limits)
    try:
        with context.db.read() as conn:
            known = look(conn, examined, received.sha256, bearer, context.limits, now)
            attested = attestations.given(received.fields)
            builds = attestations.builds(conn, bearer, examined.key) if attested else []
    except DBAPIError as error:
        raise _busy() from error
    if known is not None:
        return _accepted(examined, known)
    provenance = None
    if attested:
        provenance = attestations.verify(context.attester, attested, builds, examined.filename, received.sha256)
    upload_id = new_id()
    origin = {"upload_id": upload_id, "uploader_id": bearer.user.id, "token_id": bearer.token_id}
    vaulted = store(context.vault, received, examined, provenance, upload_id, origin, now)
    try:
        entered = _enter(context, received, examined, provenance, vaulted, upload_id, bearer, who, now)
    except Refusal:
        remove(context.vault, vaulted)
        raise
    except DBAPIError as error:
        # Whether the commit happened is unknown: the blob stays. Without a row it is an orphan, which fsck names.
        raise _busy() from error
    if entered.repeated:
        remove(context.vault, vaulted)
    return _accepted(examined, entered)


def _enter(
    context: UploadContext,
    received: Received,
    examined: Examined,
    provenance: Provenance | None,
    vaulted: Vaulted,
    upload_id: str,
    bearer: Bearer,
    who: Actor,
    now: datetime,
) -> Entered:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with context.db.write() as tx:
                entered = enter(
                    tx, received, examined, provenance, vaulted.key, upload_id, bearer, who, context.limits, now
                )
                if bearer.use_is_news(now):
                    note_use(tx, bearer.token_id, ip=who.ip, agent=who.agent, now=now)
                if context.mode is Mode.WATCH and not entered.repeated and not _waits(tx, entered.file_id):
                    move_file(tx, "file.publish", POLICY, entered.file_id, FileState.PUBLIC, reason="", now=now)
                    entered = entered.published()
            return entered
        except IntegrityError:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _waits(tx: Tx, file_id: str) -> bool:
    """Whether a second owner has to approve the file before it is public, in whatever mode."""
    file = read.file(tx, file_id)
    return file is not None and lacks_second(tx, file)


def _accepted(examined: Examined, entered: Entered) -> Accepted:
    return Accepted(
        file_id=entered.file_id,
        project_key=examined.key,
        version=examined.version,
        filename=examined.filename,
        state=entered.state,
        created=entered.created,
        repeated=entered.repeated,
    )


def _busy() -> Refusal:
    return Refusal(DATABASE_BUSY, "the index is busy; upload the same file again", retry_after=5)
