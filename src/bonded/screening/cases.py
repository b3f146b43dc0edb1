"""Opening and updating review cases: one open case for each project gathers its files that somebody must look at."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select, update

from bonded.catalog.read import File
from bonded.catalog.tables import case
from bonded.catalog.tables import file as file_table
from bonded.db.engine import Tx
from bonded.db.jobs import enqueue
from bonded.journal.tables import journal
from bonded.screening.policy import Decision
from bonded.screening.store import insert_once
from bonded.values.states import SubjectKind
from bonded.values.who import ActorKind


def put_in_case(tx: Tx, file: File, decision: Decision, *, now: datetime) -> int:
    """Put the file into its project's open case, which is opened if there is none; returns the case's id.

    The case shows the score and the top reason of its gravest file. The caller has locked the file. What people decided about
    it before, they decided without what brings it here now: only later decisions settle it (`review.decisions.newest`).
    """
    headline = decision.terms[0][0][:300] if decision.terms else "held for review"
    values = {"project_id": file.project_id, "state": "open", "score": decision.score, "headline": headline}
    insert_once(tx, case, values | {"opened_at": now})
    row = tx.execute(
        select(case.c.id, case.c.score)
        .where(case.c.project_id == file.project_id, case.c.state == "open")
        .with_for_update()
    ).one()
    if decision.score > row.score:
        tx.execute(update(case).where(case.c.id == row.id).values(score=decision.score, headline=headline))
    about = (journal.c.subject_kind == SubjectKind.FILE, journal.c.subject_id == file.id)
    before = tx.execute(select(func.max(journal.c.id)).where(*about)).scalar_one()
    tx.execute(update(file_table).where(file_table.c.id == file.id).values(case_id=row.id, case_after=before))
    # Review finds out which other cases it belongs with, and has it compared with the release before.
    enqueue(tx, "group", f"group:{row.id}", {"case_id": row.id}, now=now)
    return int(row.id)


def people_decided(conn: Connection, file: File) -> bool:
    """Whether people have ever decided about the file: they have the last word."""
    j = journal.c
    query = select(j.id).where(j.subject_id == file.id, j.subject_kind == SubjectKind.FILE)
    people = query.where(j.action.like("review.%"), j.actor_kind != ActorKind.POLICY)
    return conn.execute(people.limit(1)).first() is not None
