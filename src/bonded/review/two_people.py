"""Removing for good what many others need takes two people: the first proposes, the second does it.

A removal cannot be taken back, so one tired click, or one stolen session, must not be enough for a project that others stand on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from bonded.catalog.locks import lock_files
from bonded.catalog.read import File
from bonded.catalog.requirements import dependants
from bonded.catalog.rules import check_reason
from bonded.catalog.tables import removal_proposal
from bonded.db.engine import Tx
from bonded.review.decide import mark, note_file
from bonded.values.who import Actor

LASTS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Proposal:
    """Somebody wants the file removed. `user_id` is the opaque id of who."""

    file_id: str
    user_id: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Split:
    """What one person's removal does now, and what it proposes to a second one."""

    now: tuple[File, ...]
    proposed: tuple[File, ...]


def proposals(conn: Connection, file_ids: Iterable[str], now: datetime) -> dict[str, Proposal]:
    """File -> its proposal, where one has not lapsed."""
    p = removal_proposal.c
    rows = conn.execute(
        select(removal_proposal).where(p.file_id.in_(sorted(set(file_ids))), p.created_at > now - LASTS)
    )
    return {row.file_id: Proposal(row.file_id, row.user_id, row.reason, row.created_at) for row in rows}


def split(conn: Connection, who: Actor, files: Iterable[File], least: int, now: datetime) -> Split:
    """Which of `files` `who` may remove alone: those whose project fewer than `least` others require (0: all), and those
    whose removal somebody else proposed. The operator's command line needs nobody."""
    every = tuple(files)
    if not least or not who.user_id:
        return Split(every, ())
    needed = dependants(conn, {one.project_key for one in every})
    known = proposals(conn, [one.id for one in every], now)
    alone = [
        one
        for one in every
        if needed.get(one.project_key, 0) < least or (one.id in known and known[one.id].user_id != who.user_id)
    ]
    return Split(tuple(alone), tuple(one for one in every if one not in alone))


def propose(tx: Tx, who: Actor, file_ids: Iterable[str], *, reason: str, now: datetime) -> list[int]:
    """Propose to remove files; a proposal that is there is renewed. Returns the journal ids. Raises Refusal."""
    text, note = check_reason("review.propose-removal", reason), mark()
    files = lock_files(tx, sorted(set(file_ids)))
    tx.execute(delete(removal_proposal).where(removal_proposal.c.file_id.in_([one.id for one in files])))
    rows = [{"file_id": one.id, "user_id": who.user_id, "reason": text, "created_at": now} for one in files]
    tx.execute(insert(removal_proposal), rows)
    return [note_file(tx, "review.propose-removal", who, one, text, now, note) for one in files]
