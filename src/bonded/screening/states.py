"""States of checks: `enabled` decides, `evaluation` runs and decides nothing, `disabled` does not run, `wiped_out` is hidden."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select

from bonded.catalog.rules import check_reason
from bonded.catalog.tables import check_state
from bonded.checks.kit import Check
from bonded.checks.registry import by_name
from bonded.db.engine import Tx
from bonded.journal.record import record
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import Actor

NO_SUCH_CHECK = define(
    "no-such-check",
    404,
    "No such check",
    "There is no malware check of this name. `bonded check list` names them all.",
)


class CheckState(StrEnum):
    """What a check may do."""

    ENABLED = "enabled"
    EVALUATION = "evaluation"
    DISABLED = "disabled"
    WIPED_OUT = "wiped_out"


RUNS = frozenset({CheckState.ENABLED, CheckState.EVALUATION})


def states(conn: Connection) -> dict[str, CheckState]:
    """States that were set; a check that is not in it is enabled."""
    return {row.check: CheckState(row.state) for row in conn.execute(select(check_state.c.check, check_state.c.state))}


def state_of(one: Check, known: dict[str, CheckState]) -> CheckState:
    """The state of a check; it carries over to new versions."""
    return known.get(one.name, CheckState.ENABLED)


def set_state(tx: Tx, who: Actor, name: str, state: CheckState, *, reason: str, now: datetime) -> int:
    """Set a check's state and record it; returns the journal id. Raises Refusal (no-such-check, reason-needed)."""
    if by_name(name) is None:
        raise Refusal(NO_SUCH_CHECK, f"there is no check called {name[:60]!r}")
    text = check_reason("check.set-state", reason)
    tx.execute(delete(check_state).where(check_state.c.check == name))
    tx.execute(insert(check_state).values(check=name, state=state, reason=text, changed_at=now))
    return record(
        tx, "check.set-state", who, (SubjectKind.CHECK, name), now=now, facts={"state": state, "reason": text}
    )
