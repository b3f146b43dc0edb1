"""`record()`: the only writer of the audit trail and the only inserter into `to_publish`."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import insert

from bonded.db.engine import Tx, touch
from bonded.db.jobs import enqueue
from bonded.journal.tables import journal, journal_private, journal_unsealed, to_publish
from bonded.values.actions import ACTIONS, Notify
from bonded.values.states import SubjectKind
from bonded.values.who import Actor

PRIVATE_FOR = timedelta(days=180)
MAIL_QUEUE = "mail"
PUBLISH_QUEUE = "publish"
"""Waking name of the publisher; there are no job rows for it, `to_publish` is its queue."""

# Built once: building a statement costs several times what running it does.
_JOURNAL = insert(journal).returning(journal.c.id)
_UNSEALED, _PRIVATE, _TO_PUBLISH = insert(journal_unsealed), insert(journal_private), insert(to_publish)


def record(
    tx: Tx,
    action: str,
    who: Actor,
    subject: tuple[SubjectKind, str],
    *,
    now: datetime,
    project: str | None = None,
    user: str | None = None,
    facts: dict[str, Any] | None = None,
    private: dict[str, str] | None = None,
    private_for: timedelta = PRIVATE_FOR,
) -> int:
    """Write one journal row in the caller's transaction and return its id.

    `subject` is a kind and an opaque id, `project` a normalized project name, `user` the opaque id of the person
    concerned. `facts` are kept for ever and public to auditors: never names or addresses of people; those go in
    `private`, where the actor's IP address and agent are added, bound to the row by a salted hash, for as long as
    `private_for`: it is said here since no process may change that row afterwards (`db.grants`).
    An action that notifies leaves a mail job with the row's id. An action marked `changes_index` also leaves a row for
    the publisher. Raises KeyError for an action that is not in the table, and ValueError for one that writes no rows or
    that belongs into a project's history and names none.
    """
    known = ACTIONS[action]
    if not known.event:
        raise ValueError(f"{action} only guards reading: it has no rows in the journal")
    if known.about_project and project is None:
        raise ValueError(f"{action} belongs into a project's history and names no project")
    hidden = {k: v for k, v in (("ip", who.ip), ("agent", who.agent)) if v} | (private or {})
    salt = secrets.token_bytes(16)
    digest = private_hash(salt, hidden) if hidden else None
    row = {
        "action": action,
        "actor_kind": who.kind,
        "actor_id": who.user_id,
        "credential_id": who.credential_id,
        "subject_kind": subject[0],
        "subject_id": subject[1],
        "project_key": project,
        "user_id": user,
        "at": now,
        "facts": facts or {},
        "private_hash": digest,
    }
    journal_id = int(tx.execute(_JOURNAL, row).scalar_one())
    tx.execute(_UNSEALED, {"id": journal_id})
    if hidden:
        kept = {"journal_id": journal_id, "salt": salt, "data": hidden, "expires": now + private_for}
        tx.execute(_PRIVATE, kept)
    if known.notify is not Notify.NOBODY:
        enqueue(tx, MAIL_QUEUE, f"mail:{journal_id}", {"journal_id": journal_id}, now=now)
    if known.changes_index:
        if project is None:
            raise ValueError(f"{action} changes the index and names no project")
        event = {"project_key": project, "journal_id": journal_id, "at": now, "failures": 0, "parked": 0}
        tx.execute(_TO_PUBLISH, event)
        touch(tx, PUBLISH_QUEUE)
    return journal_id


def private_hash(salt: bytes, data: dict[str, str]) -> str:
    """Hex sha256 of `salt` and `data` as JSON with sorted keys."""
    return hashlib.sha256(salt + orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()
