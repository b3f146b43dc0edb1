"""People's decisions about files and projects: each is one transaction, with a reason, and one journal row per file.

A decision that finds a file in the state it asks for already (policy put it there) is recorded as `review.confirm`. A case
closes when each of its files is settled. Anything that is not possible refuses the whole decision: nothing is half done.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bonded.catalog.change import move_file, set_status
from bonded.catalog.locks import lock_files
from bonded.catalog.read import File
from bonded.catalog.rules import check_reason
from bonded.catalog.states import WRONG_STATE
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.review.cases import close_if_settled, reopen_case
from bonded.values.pieces import file_state
from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState, ProjectStatus, SubjectKind
from bonded.values.text import new_id
from bonded.values.who import Actor

S = FileState

NOTHING_CHOSEN = define(
    "nothing-chosen", 400, "No file was chosen", "Choose at least one file that the decision is about."
)

Note = dict[str, str] | None
"""Facts of `mark()` that several acts of one decision share; None: this act is a decision of its own."""


def release(tx: Tx, who: Actor, file_ids: Iterable[str], *, reason: str, now: datetime, note: Note = None) -> list[int]:
    """Make held, rejected or quarantined files public. Returns the journal ids. Raises Refusal."""
    return _decide(tx, "review.release", who, file_ids, S.PUBLIC, reason, now, note)


def quarantine(
    tx: Tx, who: Actor, file_ids: Iterable[str], *, reason: str, now: datetime, note: Note = None
) -> list[int]:
    """Withdraw public files at once; reversible. Returns the journal ids. Raises Refusal."""
    return _decide(tx, "review.quarantine", who, file_ids, S.QUARANTINED, reason, now, note)


def reject(tx: Tx, who: Actor, file_ids: Iterable[str], *, reason: str, now: datetime, note: Note = None) -> list[int]:
    """Refuse held files; reversible. Returns the journal ids. Raises Refusal."""
    return _decide(tx, "review.reject", who, file_ids, S.REJECTED, reason, now, note)


def remove(tx: Tx, who: Actor, file_ids: Iterable[str], *, reason: str, now: datetime, note: Note = None) -> list[int]:
    """Remove files for good. Not reversible. Returns the journal ids. Raises Refusal."""
    return _decide(tx, "review.remove", who, file_ids, S.REMOVED, reason, now, note)


def ask_owner(
    tx: Tx, who: Actor, file_ids: Iterable[str], *, reason: str, now: datetime, note: Note = None
) -> list[int]:
    """Ask the owners about files; `reason` is the question they get. No state changes. Raises Refusal."""
    text = check_reason("review.ask-owner", reason)
    return [note_file(tx, "review.ask-owner", who, file, text, now, note) for file in _locked(tx, file_ids)]


def reopen(tx: Tx, who: Actor, file_ids: Iterable[str], *, reason: str, now: datetime, note: Note = None) -> list[int]:
    """Put rejected files back under review. Returns the journal ids. Raises Refusal."""
    note = note or mark()
    done = []
    for file in _locked(tx, file_ids):
        if file.state is not S.REJECTED:
            raise Refusal(WRONG_STATE, f"{file.filename} is {file_state(file.state)}, not rejected")
        done.append(move_file(tx, "review.reopen", who, file.id, S.HELD, reason=reason, now=now, note=note))
        reopen_case(tx, file, now=now)
    return done


def mark(undoes: str = "") -> dict[str, str]:
    """Facts that all rows of one decision share; `undoes` names the one that it takes back."""
    return {"decision": new_id()} | ({"undo": undoes} if undoes else {})


def quarantine_project(tx: Tx, who: Actor, key: str, *, reason: str, now: datetime, note: Note = None) -> int:
    """Withdraw a whole project at once; reversible. Returns the journal id. Raises Refusal."""
    status = ProjectStatus.QUARANTINED
    return set_status(tx, "review.quarantine-project", who, key, status, reason=reason, now=now, note=note or mark())


def release_project(tx: Tx, who: Actor, key: str, *, reason: str, now: datetime, note: Note = None) -> int:
    """End the quarantine of a project. Returns the journal id. Raises Refusal."""
    status = ProjectStatus.ACTIVE
    return set_status(tx, "review.release-project", who, key, status, reason=reason, now=now, note=note or mark())


def _decide(
    tx: Tx, action: str, who: Actor, file_ids: Iterable[str], new: FileState, reason: str, now: datetime, note: Note
) -> list[int]:
    text = check_reason(action, reason)
    files, note = _locked(tx, file_ids), note or mark()
    done = [_one(tx, action, who, file, new, text, now, note) for file in files]
    for case_id in sorted({f.case_id for f in files if f.case_id is not None}):
        close_if_settled(tx, case_id, now=now)
    return done


def _one(
    tx: Tx, action: str, who: Actor, file: File, new: FileState, reason: str, now: datetime, note: dict[str, str]
) -> int:
    if file.state is S.RECEIVED:
        raise Refusal(WRONG_STATE, f"{file.filename} is still being screened; decide when its verdict is there")
    if file.state is new and new is not S.REMOVED:
        return note_file(tx, "review.confirm", who, file, reason, now, note)
    return move_file(tx, action, who, file.id, new, reason=reason, now=now, note=note)


def note_file(
    tx: Tx, action: str, who: Actor, file: File, reason: str, now: datetime, note: dict[str, str] | None = None
) -> int:
    """Record an act about a file that leaves its state as it is. Returns the journal id."""
    facts = {
        "filename": file.filename,
        "version": file.version,
        "sha256": file.sha256,
        "state": file.state,
        "reason": reason,
        **(note or {}),
    }
    subject = (SubjectKind.FILE, file.id)
    return record(
        tx, action, who, subject, now=now, project=file.project_key, user=file.uploader_id or None, facts=facts
    )


def _locked(tx: Tx, file_ids: Iterable[str]) -> list[File]:
    """The files, each once, locked in one order for all, so that two decisions never wait for each other."""
    ids = sorted(set(file_ids))
    if not ids:
        raise Refusal(NOTHING_CHOSEN, "choose at least one file")
    return lock_files(tx, ids)
