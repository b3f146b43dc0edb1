"""People's decisions about files and projects: each is one transaction, with a reason, and one journal row per file.

A decision that finds a file in the state it asks for already (policy put it there) is recorded as `review.confirm`. A case
closes when each of its files is settled. Anything that is not possible refuses the whole decision: nothing is half done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from bonded.catalog.change import move_file, set_status
from bonded.catalog.locks import lock_file
from bonded.catalog.read import File
from bonded.catalog.rules import check_reason
from bonded.catalog.states import WRONG_STATE
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.review.cases import close_if_settled, reopen_case
from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState, ProjectStatus, SubjectKind
from bonded.values.who import Actor

S = FileState

NOTHING_CHOSEN = define(
    "nothing-chosen", 400, "No file was chosen", "Choose at least one file that the decision is about."
)

Act = Callable[..., list[int]]


def release(tx: Tx, who: Actor, file_ids: Iterable[str], *, reason: str, now: datetime) -> list[int]:
    """Make held, rejected or quarantined files public. Returns the journal ids. Raises Refusal."""
    return _decide(tx, "review.release", who, file_ids, S.PUBLIC, reason, now)


def quarantine(tx: Tx, who: Actor, file_ids: Iterable[str], *, reason: str, now: datetime) -> list[int]:
    """Withdraw public files at once; reversible. Returns the journal ids. Raises Refusal."""
    return _decide(tx, "review.quarantine", who, file_ids, S.QUARANTINED, reason, now)


def reject(tx: Tx, who: Actor, file_ids: Iterable[str], *, reason: str, now: datetime) -> list[int]:
    """Refuse held files; reversible. Returns the journal ids. Raises Refusal."""
    return _decide(tx, "review.reject", who, file_ids, S.REJECTED, reason, now)


def remove(tx: Tx, who: Actor, file_ids: Iterable[str], *, reason: str, now: datetime) -> list[int]:
    """Remove files for good. Not reversible. Returns the journal ids. Raises Refusal."""
    return _decide(tx, "review.remove", who, file_ids, S.REMOVED, reason, now)


def ask_owner(tx: Tx, who: Actor, file_ids: Iterable[str], *, reason: str, now: datetime) -> list[int]:
    """Ask the owners about files; `reason` is the question they get. No state changes. Raises Refusal."""
    text = check_reason("review.ask-owner", reason)
    return [_note(tx, "review.ask-owner", who, file, text, now) for file in _locked(tx, file_ids)]


def reopen(tx: Tx, who: Actor, file_ids: Iterable[str], *, reason: str, now: datetime) -> list[int]:
    """Put rejected files back under review (also: undo of `reject`). Returns the journal ids. Raises Refusal."""
    done = []
    for file in _locked(tx, file_ids):
        if file.state is not S.REJECTED:
            raise Refusal(WRONG_STATE, f"{file.filename} is {file.state}, not rejected")
        done.append(move_file(tx, "review.reopen", who, file.id, S.HELD, reason=reason, now=now))
        reopen_case(tx, file, now=now)
    return done


UNDO: dict[str, tuple[str, Act]] = {
    "review.release": ("quarantine", quarantine),
    "review.quarantine": ("release", release),
    "review.reject": ("reopen", reopen),
}
"""Decision -> what takes it back. A released file was public for a moment: its undo is a quarantine. Nothing brings a
removed file back."""


def undo(tx: Tx, who: Actor, action: str, file_ids: Iterable[str], *, reason: str, now: datetime) -> list[int]:
    """Take a decision back. Raises Refusal (wrong-state) when it cannot be, or others changed the state since."""
    if action not in UNDO:
        raise Refusal(WRONG_STATE, "this decision cannot be taken back")
    return UNDO[action][1](tx, who, file_ids, reason=reason, now=now)


def quarantine_project(tx: Tx, who: Actor, key: str, *, reason: str, now: datetime) -> int:
    """Withdraw a whole project at once; reversible. Returns the journal id. Raises Refusal."""
    status = ProjectStatus.QUARANTINED
    return set_status(tx, "review.quarantine-project", who, key, status, reason=reason, now=now)


def release_project(tx: Tx, who: Actor, key: str, *, reason: str, now: datetime) -> int:
    """End the quarantine of a project. Returns the journal id. Raises Refusal."""
    return set_status(tx, "review.release-project", who, key, ProjectStatus.ACTIVE, reason=reason, now=now)


def _decide(
    tx: Tx, action: str, who: Actor, file_ids: Iterable[str], new: FileState, reason: str, now: datetime
) -> list[int]:
    text = check_reason(action, reason)
    files = _locked(tx, file_ids)
    done = [_one(tx, action, who, file, new, text, now) for file in files]
    for case_id in sorted({f.case_id for f in files if f.case_id is not None}):
        close_if_settled(tx, case_id, now=now)
    return done


def _one(tx: Tx, action: str, who: Actor, file: File, new: FileState, reason: str, now: datetime) -> int:
    if file.state is S.RECEIVED:
        raise Refusal(WRONG_STATE, f"{file.filename} is still being screened; decide when its verdict is there")
    if file.state is new and new is not S.REMOVED:
        return _note(tx, "review.confirm", who, file, reason, now)
    return move_file(tx, action, who, file.id, new, reason=reason, now=now)


def _note(tx: Tx, action: str, who: Actor, file: File, reason: str, now: datetime) -> int:
    facts = {
        "filename": file.filename,
        "version": file.version,
        "sha256": file.sha256,
        "state": file.state,
        "reason": reason,
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
    return [lock_file(tx, file_id) for file_id in ids]
