"""Sequences of signed steps in the database: beginning, moving, giving up. At most one runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from bonded.db.engine import Tx
from bonded.journal.record import record
from bonded.tuf.generations import forget
from bonded.tuf.offline import Step
from bonded.tuf.roles import Layout
from bonded.tuf.steps import BEGIN, BadSteps, StepSequence, moment, read_steps, steps_json
from bonded.tuf.tables import sequence
from bonded.values.states import SubjectKind
from bonded.values.text import new_id
from bonded.values.who import OPERATOR, PUBLISHER

INDEX = (SubjectKind.INDEX, "")
_RUNNING = select(sequence).where(sequence.c.state == "running")
"""Built once, since every publication asks."""


def running(conn: Connection) -> StepSequence | None:
    """The sequence that is under way."""
    row = conn.execute(_RUNNING).one_or_none()
    return _of(row) if row is not None else None


def newest(conn: Connection) -> tuple[StepSequence, str] | None:
    """The newest sequence and its state: running, done or cancelled; None when there was never one."""
    order = sequence.c.ended_at.is_(None).desc(), sequence.c.ended_at.desc(), sequence.c.id
    row = conn.execute(select(sequence).order_by(*order).limit(1)).one_or_none()
    return (_of(row), str(row.state)) if row is not None else None


def sequences(conn: Connection) -> list[StepSequence]:
    """Every sequence that there ever was."""
    return [_of(row) for row in conn.execute(select(sequence).order_by(sequence.c.id))]


def begin(tx: Tx, kind: str, steps: tuple[Step, ...], rest: timedelta, now: datetime) -> StepSequence:
    """Write a new sequence, which the publisher takes up. Raises BadSteps while another one runs."""
    other = running(tx)
    if other is not None:
        raise BadSteps(
            f"a change ({other.kind}) is under way: let it end, or give it up with `bonded tuf rotate --cancel`"
        )
    made = StepSequence(new_id(), kind, steps, now, rest)
    row = {"id": made.id, "kind": kind, "steps": steps_json(steps), "rest": int(rest.total_seconds())}
    state = {"state": "running", "says": "the publisher has not begun yet", "started_at": now}
    tx.execute(insert(sequence).values(**row, **state, **_place(made)))
    facts = {"sequence": made.id, "kind": kind, "steps": [step.name for step in steps]}
    record(tx, "keys.begin", OPERATOR, INDEX, now=now, facts=facts)
    return made


def move(tx: Tx, before: StepSequence, after: StepSequence, says: str, now: datetime) -> None:
    """Note a new position and what it waits for. Each released step is a row of the journal."""
    tx.execute(_update(before).values(says=says, **_place(after)))
    for at in range(max(before.at, 0), after.at):
        facts = {"sequence": after.id, "step": before.steps[at].name, "versions": before.steps[at].versions()}
        record(tx, "keys.step", PUBLISHER, INDEX, now=now, facts=facts)


def end(tx: Tx, done: StepSequence, now: datetime) -> None:
    """It is over: keys that nothing lists sign no more."""
    if tx.execute(_update(done).values(state="done", says="done", ended_at=now)).rowcount:
        record(tx, "keys.end", PUBLISHER, INDEX, now=now, facts={"sequence": done.id, "kind": done.kind})


def cancel(tx: Tx, layout: Layout, now: datetime) -> StepSequence:
    """Give up the running sequence; what was released stays. `layout` is what live pages and bins delegate to.

    Raises BadSteps when there is none, or nothing is left of it.
    """
    found = running(tx)
    if found is None:
        raise BadSteps("no change of keys or bins is under way")
    if found.at >= len(found.steps):
        raise BadSteps("all its steps are released: there is nothing left to give up; it ends by itself")
    if found.at > 0 and now < found.since + found.rest and "root" in found.steps[found.at - 1].files:
        raise BadSteps(
            f"clients are moving to a new root: it cannot be given up before {moment(found.since + found.rest)}"
        )
    says = f"given up before step {found.at + 1} of {len(found.steps)}" if found.at > BEGIN else "given up"
    tx.execute(_update(found).values(state="cancelled", says=says, ended_at=now))
    forget(tx, layout)
    record(tx, "keys.cancel", OPERATOR, INDEX, now=now, facts={"sequence": found.id, "at": found.at})
    return found


def void(tx: Tx, layout: Layout, found: StepSequence, why: str, now: datetime) -> None:
    """Give up what cannot go on."""
    forget(tx, layout)
    if tx.execute(_update(found).values(state="cancelled", says=why, ended_at=now)).rowcount:
        facts = {"sequence": found.id, "at": found.at, "why": why}
        record(tx, "keys.cancel", PUBLISHER, INDEX, now=now, facts=facts)


def _update(of: StepSequence) -> Any:
    return update(sequence).where(sequence.c.id == of.id, sequence.c.state == "running")


def _place(of: StepSequence) -> dict[str, Any]:
    return {"at": of.at, "mark": of.mark, "since": of.since}


def _of(row: Row[*tuple[Any, ...]]) -> StepSequence:
    rest = timedelta(seconds=int(row.rest))
    steps = read_steps(row.steps)
    return StepSequence(str(row.id), str(row.kind), steps, row.since, rest, int(row.at), int(row.mark), str(row.says))
