"""Claims: who works on a case, so that two tired people do not read the same code. A claim lapses by itself.

A claim keeps nobody from deciding: who decides about a case that somebody else works on is told so first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from bonded.catalog.tables import case
from bonded.catalog.tables import project as project_table
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.review.queue import CLAIM_LASTS as LASTS
from bonded.review.queue import NO_SUCH_CASE, CaseLine
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import Actor

CLAIMED = define(
    "case-claimed",
    409,
    "Somebody works on this case",
    f"Another administrator claimed the case within the last {LASTS.seconds // 60} minutes. Take another one, ask them, or wait "
    "until the claim lapses.",
)


def holder(line: CaseLine, now: datetime) -> str:
    """The opaque id of who works on the case now, "" for nobody. Pure."""
    if line.claimed_by is None or line.claimed_at is None or line.state != "open":
        return ""
    return line.claimed_by if _holds(line.claimed_at, now) else ""


def claim(tx: Tx, who: Actor, case_id: int, *, now: datetime) -> int:
    """Claim an open case, or claim it for longer. Returns the journal id. Raises Refusal (no-such-case, case-claimed)."""
    row = _locked(tx, case_id)
    held = row.claimed_at is not None and _holds(row.claimed_at, now)
    if row.claimed_by not in (None, who.user_id) and held:
        raise Refusal(CLAIMED, "another administrator works on this case")
    tx.execute(update(case).where(case.c.id == case_id).values(claimed_by=who.user_id, claimed_at=now))
    return _note(tx, "review.claim", who, row, case_id, now)


def let_go(tx: Tx, who: Actor, case_id: int, *, now: datetime) -> int:
    """Give up one's own claim. Returns the journal id. Raises Refusal (no-such-case, case-claimed)."""
    row = _locked(tx, case_id)
    if row.claimed_by != who.user_id:
        raise Refusal(CLAIMED, "this case is not claimed by you")
    tx.execute(update(case).where(case.c.id == case_id).values(claimed_by=None, claimed_at=None))
    return _note(tx, "review.let-go", who, row, case_id, now)


def _holds(claimed_at: datetime, now: datetime) -> bool:
    return abs(now - claimed_at) < LASTS  # a claim by a clock that was ahead lapses too


def _note(tx: Tx, action: str, who: Actor, row: Any, case_id: int, now: datetime) -> int:
    subject, facts = (SubjectKind.PROJECT, row.project_id), {"case": str(case_id)}
    return record(tx, action, who, subject, now=now, project=row.key, facts=facts)


def _locked(tx: Tx, case_id: int) -> Any:
    c, p = case.c, project_table.c
    query = select(c.claimed_by, c.claimed_at, c.project_id, p.key).join(project_table, p.id == c.project_id)
    row = tx.execute(query.where(c.id == case_id, c.state == "open").with_for_update(of=case)).one_or_none()
    if row is None:
        raise Refusal(NO_SUCH_CASE, f"there is no open case {case_id}")
    return row
