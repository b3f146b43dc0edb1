"""Grouping all open cases anew: after the rules of grouping changed, or when campaigns grew together that do not belong so."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, text, update

from bonded.catalog.tables import case as case_table
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import trait as trait_table
from bonded.db.engine import Tx
from bonded.db.jobs import enqueue
from bonded.journal import record
from bonded.review.grouping import LOCK, QUEUE
from bonded.values.states import SubjectKind
from bonded.values.who import Actor


def regroup(tx: Tx, who: Actor, *, now: datetime) -> int:
    """Part all open cases from their campaigns, forget the marks by which they were joined, and ask for new ones; returns how
    many cases. Cases that are closed keep their campaign. What is in archives is not read again: it has not changed.

    Workers join the cases as they come to them; until then a campaign may be shown in parts.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    c, t = case_table.c, trait_table.c
    ids = sorted(tx.execute(select(c.id).where(c.state == "open")).scalars())
    still = select(file_table.c.id).join(case_table, c.id == file_table.c.case_id).where(c.state == "open")
    tx.execute(delete(trait_table).where(t.kind != "member", t.file_id.in_(still)))
    tx.execute(update(case_table).where(c.state == "open").values(campaign_id=None))
    for number in ids:
        enqueue(tx, QUEUE, f"group:{number}", {"case_id": number}, now=now)
    record(tx, "campaign.regroup", who, (SubjectKind.INDEX, ""), now=now, facts={"cases": len(ids)})
    return len(ids)
