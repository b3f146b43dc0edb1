"""Changes of files: moves between states, yank and unyank, the owner's delete."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError

from bonded.catalog import search, words
from bonded.catalog.locks import lock_file
from bonded.catalog.read import File
from bonded.catalog.rules import check_reason
from bonded.catalog.states import WRONG_STATE, check_move, check_owner_delete, holds_name
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.catalog.two_owners import check_second
from bonded.db.engine import Tx
from bonded.db.jobs import enqueue
from bonded.journal.record import record
from bonded.values.actions import ACTIONS
from bonded.values.pieces import file_state
from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState, SubjectKind
from bonded.values.who import Actor

S = FileState

NAME_TAKEN = define(
    "name-taken",
    409,
    "Another file has this name now",
    "While this file was rejected, another file was uploaded under its name. Only one of them can ever be public: remove "
    "the other one first.",
)

AT_ONCE = frozenset({"file.withdraw", "review.quarantine", "review.remove"})
"""Acts against harm: the bytes leave the public store before the next publication, by an urgent job. An owner's delete
waits for the publication instead, so that nobody's running install breaks."""


_OF_FILE = update(file_table).where(file_table.c.id == bindparam("file"))
_OF_PROJECT = update(project_table).where(project_table.c.id == bindparam("project"))


def move_file(
    tx: Tx,
    action: str,
    who: Actor,
    file_id: str,
    new_state: FileState,
    *,
    reason: str,
    now: datetime,
    note: Mapping[str, str] | None = None,
    locked: File | None = None,
) -> int:
    """Move a file to `new_state` and record `action`, with `note` among its facts; returns the journal id.

    `locked`: the file, where this transaction has locked it already and not changed it since.

    Raises Refusal (no-such-file, wrong-state, reason-needed, reason-too-long, name-taken, second-owner-needed).
    """
    text = check_reason(action, reason)
    old = locked or lock_file(tx, file_id)
    check_move(old.state, new_state)
    if new_state is S.PUBLIC:
        check_second(tx, old)
    burnt = old.burnt or new_state is S.PUBLIC
    held = holds_name(new_state, burnt)
    if held and not old.holds_name:
        _check_name_free(tx, old)
    values = {"state": new_state, "state_reason": text, "state_at": now, "burnt": burnt, "holds_name": held}
    _update(tx, old, values, takes_name=held and not old.holds_name)
    # A project that was deleted comes back with its first public file; its owners are still its owners.
    of_project = {"deleted": False} if new_state is S.PUBLIC else {}
    _follow(tx, old, new_state, now)
    taken_down = action in AT_ONCE and old.state in (S.PUBLIC, S.QUARANTINED)
    if taken_down or (old.state is S.QUARANTINED and new_state is S.PUBLIC):
        # The same job brings the bytes back where no publication has withdrawn the file in between.
        enqueue(tx, "takedown", f"takedown:{file_id}", {"file_id": file_id}, now=now)
    facts = {"from": old.state, "to": new_state} | ({"reason": text} if text else {}) | dict(note or {})
    return _record(tx, action, who, old, facts, now, of_project)


def yank(tx: Tx, who: Actor, file_id: str, *, reason: str, now: datetime) -> int:
    """Mark a public file as not to be chosen by installers (PEP 592); again with another reason changes the reason.

    Raises Refusal (no-such-file, wrong-state, reason-too-long).
    """
    text = check_reason("file.yank", reason)
    old = lock_file(tx, file_id)
    _check_public(old)
    if old.yanked and old.yanked_reason == text:
        raise Refusal(WRONG_STATE, f"{old.filename} is yanked already")
    _update(tx, old, {"yanked": True, "yanked_reason": text})
    search.withdrawn(tx, old.project_id, old.version)
    return _record(tx, "file.yank", who, old, {"reason": text} if text else {}, now)


def unyank(tx: Tx, who: Actor, file_id: str, *, reason: str, now: datetime) -> int:
    """Take back a yank. Raises Refusal (no-such-file, wrong-state, reason-too-long)."""
    text = check_reason("file.unyank", reason)
    old = lock_file(tx, file_id)
    if not old.yanked:
        raise Refusal(WRONG_STATE, f"{old.filename} is not yanked")
    _update(tx, old, {"yanked": False, "yanked_reason": ""})
    if old.state is S.PUBLIC:
        search.published(tx, old.project_id, old.version)
    return _record(tx, "file.unyank", who, old, {"reason": text} if text else {}, now)


def delete_file(tx: Tx, who: Actor, file_id: str, *, reason: str, now: datetime) -> int:
    """The owner's removal of a file, for good.

    Raises Refusal (no-such-file, wrong-state, file-is-evidence, reason-too-long).
    """
    check_owner_delete(lock_file(tx, file_id).state)
    return move_file(tx, "file.delete", who, file_id, S.REMOVED, reason=reason, now=now)


def _follow(tx: Tx, old: File, new_state: FileState, now: datetime) -> None:
    """Have what is said of the release, and what the search finds, follow a file that becomes public or stops being so."""
    if S.PUBLIC not in (old.state, new_state):
        return
    if words.settle(tx, old.project_id, old.release_id, now):
        search.refresh(tx, old.project_id)
    elif new_state is not S.PUBLIC:
        search.withdrawn(tx, old.project_id, old.version)
    elif not old.yanked:  # one that comes back yanked is not what installers choose
        search.published(tx, old.project_id, old.version)


def _check_public(old: File) -> None:
    if old.state is not S.PUBLIC:
        raise Refusal(WRONG_STATE, f"{old.filename} is {file_state(old.state)}, not public")


def _check_name_free(tx: Tx, old: File) -> None:
    other = tx.execute(
        select(file_table.c.id).where(file_table.c.filename == old.filename, file_table.c.holds_name)
    ).first()
    if other is not None:
        raise Refusal(NAME_TAKEN, f"another file has the name {old.filename} now")


def _update(tx: Tx, old: File, values: dict[str, Any], *, takes_name: bool = False) -> None:
    if not takes_name:
        tx.execute(_OF_FILE, {"file": old.id} | values)
        return
    try:
        with tx.begin_nested():
            tx.execute(_OF_FILE, {"file": old.id} | values)
    except IntegrityError:
        # Only the unique index on held names can refuse this; the savepoint keeps the transaction usable.
        raise Refusal(NAME_TAKEN, f"another file has the name {old.filename} now") from None


def _record(
    tx: Tx,
    action: str,
    who: Actor,
    old: File,
    facts: dict[str, Any],
    now: datetime,
    of_project: Mapping[str, Any] | None = None,
) -> int:
    journal_id = record(
        tx,
        action,
        who,
        (SubjectKind.FILE, old.id),
        now=now,
        project=old.project_key,
        user=old.uploader_id or None,
        facts={"filename": old.filename, "version": old.version, "sha256": old.sha256, **facts},
    )
    values = dict(of_project or {}) | ({"last_journal_id": journal_id} if ACTIONS[action].changes_index else {})
    if values:
        tx.execute(_OF_PROJECT, {"project": old.project_id} | values)
    return journal_id
