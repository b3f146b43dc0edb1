"""Checks by the clock: rows with a cron expression and the moment when they are due next.

Any worker looks; whoever moves `due` on, in the transaction that begins the backfill, is the one that runs it. Missed runs are
made up once, however many were missed: the next moment is counted from now. A clock that was ahead and came back leaves
moments that lie too far in the future; they are brought back to the next one of the expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bonded.db.engine import Database, Tx
from bonded.journal.record import record
from bonded.screening import backfill, cron
from bonded.screening.backfill import BackfillState, chosen
from bonded.screening.selection import Selection, selection_of
from bonded.screening.states import CheckState
from bonded.screening.tables import schedule as table
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import POLICY, Actor

NO_SUCH_SCHEDULE = define(
    "no-such-schedule",
    404,
    "No such schedule",
    "There is no schedule of this name. `bonded check schedule list` has all.",
)
WRONG_SCHEDULE = define(
    "wrong-schedule",
    400,
    "The schedule cannot be used",
    "A name is made of lower-case letters, digits and '-'. A cron expression has five fields, in UTC: minute, hour, day of the "
    "month, month, day of the week; or it is @hourly, @daily, @weekly, @monthly or @yearly.",
)
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
log = structlog.get_logger("bonded.schedule")


@dataclass(frozen=True, slots=True)
class Schedule:
    """One row. `says` is how the last run went; `last_backfill` is its number."""

    name: str
    cron: str
    checks: tuple[str, ...]
    selection: Selection
    act: bool
    due: datetime
    last_at: datetime | None
    last_backfill: int | None
    says: str
    created_at: datetime


def add(
    tx: Tx,
    who: Actor,
    name: str,
    expression: str,
    checks: Iterable[str],
    selection: Selection,
    *,
    now: datetime,
    act: bool = False,
    new: CheckState = CheckState.EVALUATION,
    reason: str = "",
) -> datetime:
    """Have checks run by the clock; returns when they are due first. Raises Refusal.

    With `act` its runs withdraw public files, so `reason` is needed: it answers for all of them.
    """
    words = backfill.why(reason, needed=act)
    if not NAME.match(name) or len(name) > 60:
        raise Refusal(WRONG_SCHEDULE, f"{name[:60]!r} is no name for a schedule")
    parsed = _parsed(expression)
    names = [one.name for one in chosen(tx, checks, new)]
    values = {"name": name, "cron": parsed.text, "checks": names, "filter": selection.as_json(), "act": act}
    values |= {"due": parsed.next(now), "says": "", "created_at": now}
    try:
        with tx.begin_nested():
            tx.execute(insert(table).values(values))
    except IntegrityError:
        raise Refusal(WRONG_SCHEDULE, f"there is a schedule called {name} already") from None
    _record(tx, who, name, "add", now, cron=parsed.text, checks=names, filter=values["filter"], act=act, reason=words)
    return parsed.next(now)


def remove(tx: Tx, who: Actor, name: str, *, now: datetime, reason: str = "") -> None:
    """Forget a schedule; what it began goes on. Raises Refusal."""
    words = backfill.why(reason, needed=False)
    if tx.execute(delete(table).where(table.c.name == name)).rowcount != 1:
        raise Refusal(NO_SUCH_SCHEDULE, f"there is no schedule called {name[:60]!r}")
    _record(tx, who, name, "remove", now, reason=words)


def run_now(tx: Tx, who: Actor, name: str, *, now: datetime, new: CheckState = CheckState.EVALUATION) -> int:
    """Begin its backfill besides the clock; returns its number. Raises Refusal."""
    row = tx.execute(select(table).where(table.c.name == name).with_for_update()).one_or_none()
    if row is None:
        raise Refusal(NO_SUCH_SCHEDULE, f"there is no schedule called {name[:60]!r}")
    number = _start(tx, who, _value(row), now, new)
    _note(tx, name, f"begun by hand as backfill {number}", now, number)
    return number


def schedules(conn: Connection) -> list[Schedule]:
    """All, by name."""
    return [_value(row) for row in conn.execute(select(table).order_by(table.c.name))]


def tick(db: Database, now: datetime, new: CheckState = CheckState.EVALUATION) -> list[str]:
    """Begin what is due; returns the names of what this call began."""
    with db.read() as conn:
        rows = [one for one in schedules(conn) if _moved(one, now) != one.due]
    return [one.name for one in rows if _turn(db, one, now, new)]


def _moved(one: Schedule, now: datetime) -> datetime:
    """Where `due` belongs: the next moment from now on, once it is due or lies beyond that moment."""
    following = _parsed(one.cron).next(now)
    return following if one.due <= now or one.due > following else one.due


def _turn(db: Database, one: Schedule, now: datetime, new: CheckState) -> bool:
    """Move `due` on and, where it was due, begin. Both or neither; False when another was faster."""
    with db.write() as tx:
        mine = (table.c.name == one.name) & (table.c.due == one.due)
        if tx.execute(update(table).where(mine).values(due=_moved(one, now))).rowcount != 1:
            return False
        if one.due > now:
            return False
        return _begin(tx, one, now, new)


def _begin(tx: Tx, one: Schedule, now: datetime, new: CheckState) -> bool:
    if one.last_backfill is not None and _still_runs(tx, one.last_backfill):
        _note(tx, one.name, f"not begun: backfill {one.last_backfill} of the last time is not at its end", now, None)
        return False
    try:
        with tx.begin_nested():
            number = _start(tx, POLICY, one, now, new)
    except Refusal as refusal:
        _note(tx, one.name, f"not begun: {refusal.sentence}", now, None)
        log.warning("a scheduled check does not run", schedule=one.name, reason=refusal.sentence)
        return False
    late = (now - one.due).total_seconds()
    made_up = f", {late / 60:.0f} minutes late" if late > 120 else ""
    _note(tx, one.name, f"begun as backfill {number}{made_up}", now, number)
    return True


def _still_runs(tx: Tx, number: int) -> bool:
    try:
        return backfill.read(tx, number).state in (BackfillState.RUNNING, BackfillState.PAUSED)
    except Refusal:
        return False


def _start(tx: Tx, who: Actor, one: Schedule, now: datetime, new: CheckState) -> int:
    return backfill.start(tx, who, one.checks, one.selection, now=now, act=one.act, schedule=one.name, new=new)


def _note(tx: Tx, name: str, says: str, now: datetime, number: int | None) -> None:
    values = {"says": says} | ({"last_at": now, "last_backfill": number} if number is not None else {})
    tx.execute(update(table).where(table.c.name == name).values(values))


def _parsed(expression: str) -> cron.Cron:
    try:
        return cron.parse(expression)
    except cron.BadCron as error:
        raise Refusal(WRONG_SCHEDULE, str(error)) from None


def _value(row: object) -> Schedule:
    values = dict(row._mapping)  # type: ignore[attr-defined]
    selection = selection_of(values.pop("filter"))
    return Schedule(**(values | {"checks": tuple(values["checks"])}), selection=selection)


def _record(tx: Tx, who: Actor, name: str, what: str, now: datetime, **facts: object) -> None:
    told = {fact: value for fact, value in facts.items() if value != ""}
    record(tx, "check.schedule", who, (SubjectKind.CHECK, f"schedule {name}"), now=now, facts={"what": what} | told)
