"""States of checks: `enabled` decides, `evaluation` runs and decides nothing, `disabled` does not run, `wiped_out` is hidden.

A state belongs to a check's name, so it carries over to new versions. Our own checks are enabled until somebody says
otherwise; one that was installed from outside begins as the operator says (`screening.new_checks`), and the row that says so
is written by the screening that first ran it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select

from bonded.catalog.rules import check_reason
from bonded.catalog.tables import check_state, finding
from bonded.checks.kit import Check
from bonded.checks.registry import by_name
from bonded.db.engine import Tx
from bonded.journal.record import record
from bonded.screening.rows import insert_once, put
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import POLICY, Actor

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


class Origin(StrEnum):
    """Who set a state."""

    PERSON = "person"
    INSTALLED = "installed"
    """Screening, when it met a new check from outside."""
    PRECISION = "precision"
    """The check's own record: see `screening.demotion`."""


RUNS = frozenset({CheckState.ENABLED, CheckState.EVALUATION})


@dataclass(frozen=True, slots=True)
class Standing:
    """A state with who set it, when and why. `changed_at` is None for a check that nobody ever touched."""

    state: CheckState
    origin: Origin | None = None
    reason: str = ""
    changed_at: datetime | None = None


def states(conn: Connection) -> dict[str, CheckState]:
    """States that were set, by name."""
    return {row.check: CheckState(row.state) for row in conn.execute(select(check_state.c.check, check_state.c.state))}


def standings(conn: Connection) -> dict[str, Standing]:
    """The same with who, when and why."""
    rows = conn.execute(select(check_state))
    return {row.check: Standing(CheckState(row.state), Origin(row.origin), row.reason, row.changed_at) for row in rows}


def state_of(one: Check, known: Mapping[str, CheckState], new: CheckState = CheckState.EVALUATION) -> CheckState:
    """The state of a check; `new` is that of a check from outside which nobody has set yet."""
    return known.get(one.name) or (new if one.origin else CheckState.ENABLED)


def in_force(
    checks: Iterable[Check], known: Mapping[str, CheckState], new: CheckState = CheckState.EVALUATION
) -> dict[str, CheckState]:
    """The state of each of `checks`, by name."""
    return {one.name: state_of(one, known, new) for one in checks}


def set_state(
    tx: Tx,
    who: Actor,
    name: str,
    state: CheckState,
    *,
    reason: str,
    now: datetime,
    origin: Origin = Origin.PERSON,
) -> int:
    """Set a check's state and record it; returns the journal id. Raises Refusal (no-such-check, reason-needed).

    A check that is not installed any more may still be wiped out or disabled: its findings are there.
    """
    if by_name(name) is None and name not in states(tx) and not _found_something(tx, name):
        raise Refusal(NO_SUCH_CHECK, f"there is no check called {name[:60]!r}")
    text = check_reason("check.set-state", reason)
    values = {"check": name, "state": state, "reason": text, "changed_at": now, "origin": origin}
    put(tx, check_state, values)
    return _record(tx, who, name, state, text, now)


def _found_something(conn: Connection, name: str) -> bool:
    """Whether there are findings of a check: one of ours that a later version does not have any more may have no state."""
    return conn.execute(select(finding.c.id).where(finding.c.check == name).limit(1)).first() is not None


def welcome(
    tx: Tx, checks: Iterable[Check], known: Mapping[str, CheckState], new: CheckState, *, now: datetime
) -> list[str]:
    """Write the state of checks from outside that nobody knew before; returns their names."""
    met = []
    for one in checks:
        if not one.origin or one.name in known:
            continue
        reason = f"installed from {one.origin}"[:1000]
        values = {"check": one.name, "state": new, "reason": reason, "changed_at": now, "origin": Origin.INSTALLED}
        if insert_once(tx, check_state, values):
            _record(tx, POLICY, one.name, new, reason, now)
            met.append(one.name)
    return met


def _record(tx: Tx, who: Actor, name: str, state: CheckState, reason: str, now: datetime) -> int:
    facts = {"state": state, "reason": reason}
    return record(tx, "check.set-state", who, (SubjectKind.CHECK, name), now=now, facts=facts)
