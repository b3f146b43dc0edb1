"""Taking back one's last decision, within UNDO_WITHIN: a new, opposite act, which the journal shows beside the first.

A released file was public for a moment: its undo is a quarantine. Nothing brings a removed file back, and a question that
was mailed to the owners stays asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from bonded.catalog.change import move_file, set_status
from bonded.catalog.locks import lock_files
from bonded.catalog.read import File
from bonded.catalog.rules import check_reason
from bonded.catalog.states import WRONG_STATE
from bonded.db.engine import Tx
from bonded.journal.tables import journal
from bonded.review.cases import close_if_settled, reopen_case
from bonded.review.decide import mark, note_file
from bonded.review.decisions import Decided, history, newest, settled
from bonded.values.pieces import file_state
from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState, ProjectStatus, SubjectKind
from bonded.values.who import Actor

UNDO_WITHIN = timedelta(minutes=10)
_FILES = {
    "review.release": ("review.quarantine", FileState.QUARANTINED),
    "review.quarantine": ("review.release", FileState.PUBLIC),
    "review.reject": ("review.reopen", FileState.HELD),
    "review.reopen": ("review.reject", FileState.REJECTED),
}
_PROJECTS = {
    "review.quarantine-project": "review.release-project",
    "review.release-project": "review.quarantine-project",
}
_ACTS = (*_FILES, *_PROJECTS, "review.confirm", "review.remove")

NOTHING_TO_UNDO = define(
    "nothing-to-undo",
    409,
    "There is nothing to take back",
    f"Only your own last decision can be taken back, within {UNDO_WITHIN.seconds // 60} minutes, and only once. After that, "
    "decide anew. A removal and a question to the owners cannot be taken back.",
)


@dataclass(frozen=True, slots=True)
class Last:
    """Somebody's last decision, which can be taken back until `until`. `rows` are its journal rows."""

    decision: str
    action: str
    reason: str
    until: datetime
    rows: tuple[Any, ...]

    @property
    def count(self) -> int:
        return len(self.rows)


def last(conn: Connection, who: Actor, now: datetime) -> Last | None:
    """What `who` may take back now, None when there is nothing."""
    j = journal.c
    mine = (j.actor_kind == who.kind, j.actor_id == who.user_id, j.at >= now - UNDO_WITHIN, j.action.in_(_ACTS))
    newest_row = conn.execute(select(journal).where(*mine).order_by(j.id.desc()).limit(1)).one_or_none()
    if newest_row is None or newest_row.facts.get("undo") or not newest_row.facts.get("decision"):
        return None
    decision = str(newest_row.facts["decision"])
    # One decision is one transaction, so all its rows have one time.
    rows = conn.execute(select(journal).where(*mine, j.at == newest_row.at).order_by(j.id)).all()
    rows = [row for row in rows if row.facts.get("decision") == decision]
    if any(row.action == "review.remove" for row in rows):
        return None
    reason = str(newest_row.facts.get("reason", ""))
    return Last(decision, rows[0].action, reason, newest_row.at + UNDO_WITHIN, tuple(rows))


def undo(tx: Tx, who: Actor, *, reason: str, now: datetime, decision: str = "") -> list[int]:
    """Take back the last decision of `who` (that named `decision`, if given); returns the journal ids.

    Raises Refusal: nothing-to-undo, or wrong-state when a state has changed since, or somebody has decided since, be it the same;
    then nothing is taken back.
    """
    found = last(tx, who, now)
    if found is None or (decision and decision != found.decision):
        raise Refusal(NOTHING_TO_UNDO, "there is no decision of yours that can be taken back now")
    text = check_reason("review.reopen", reason or f"taken back: {found.reason}"[:1000])
    note = mark(found.decision)
    about = {row.subject_id: row for row in found.rows if row.subject_kind == SubjectKind.FILE}
    files = lock_files(tx, about) if about else []
    _check_newest(files, history(tx, about), about)
    done = [_file(tx, who, file, about[file.id], text, now, note) for file in files]
    done += [_project(tx, who, row, text, now, note) for row in found.rows if row.action in _PROJECTS]
    _cases(tx, files, now)
    return done


def _check_newest(files: list[File], since: Mapping[str, list[Decided]], about: Mapping[str, Any]) -> None:
    """Raise Refusal (wrong-state) where somebody decided later: who confirmed a decision stands for it too."""
    for file in files:
        if since[file.id][-1].journal_id != about[file.id].id:
            raise Refusal(WRONG_STATE, f"somebody has decided about {file.filename} since then")


def _file(tx: Tx, who: Actor, file: File, row: Any, reason: str, now: datetime, note: dict[str, str]) -> int:
    was = row.facts.get("to", row.facts.get("state"))
    if file.state != was:
        raise Refusal(WRONG_STATE, f"{file.filename} is {file_state(file.state)} now, no longer {file_state(was)}")
    if row.action == "review.confirm":
        return note_file(tx, "review.reopen", who, file, reason, now, note)
    action, state = _FILES[row.action]
    return move_file(tx, action, who, file.id, state, reason=reason, now=now, note=note)


def _project(tx: Tx, who: Actor, row: Any, reason: str, now: datetime, note: dict[str, str]) -> int:
    back = ProjectStatus(row.facts["from"])
    return set_status(tx, _PROJECTS[row.action], who, row.project_key, back, reason=reason, now=now, note=note)


def _cases(tx: Tx, files: list[File], now: datetime) -> None:
    """What nobody has decided about any more goes back into the queue; what is decided again leaves it."""
    decided = newest(tx, [file.id for file in files])
    for file in files:
        if file.case_id is None:
            continue
        if settled(file, decided.get(file.id)):
            close_if_settled(tx, file.case_id, now=now)
        else:
            reopen_case(tx, file, now=now)
