"""Backfills: checks over all history or a part of it, as rows that say how far each is.

`start` writes the row and hands out the first parts; whoever ends a part hands out the next one (`feed`), so there is no
process that could die and stop it all. A part is a range of file ids, a row and a job; its end, the counters and the next
part are one transaction. After any crash, the parts that are there are exactly what is left of what was handed out, and the
cursor says where to go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import Connection, Text, cast, delete, exists, func, insert, literal, select, update

from bonded.catalog.rules import REASON_NEEDED, check_reason
from bonded.checks.kit import Check
from bonded.checks.registry import by_name
from bonded.db.engine import Tx
from bonded.db.jobs import enqueue_all
from bonded.db.jobs import job as job_table
from bonded.journal.record import record
from bonded.screening.selection import Selection, count, page, selection_of
from bonded.screening.states import NO_SUCH_CHECK, RUNS, CheckState, in_force, states
from bonded.screening.tables import backfill as table
from bonded.screening.tables import backfill_part as part_table
from bonded.values.pieces import backfill_state, check_state
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import POLICY, Actor

QUEUE = "backfill"
FILES = 25
"""In one part: a second or two of work, so that a stop is soon and little is done twice after a crash."""
PARTS = 16
"""Handed out at once, for as many workers."""
MOST_CASES = 200
log = structlog.get_logger("bonded.backfill")

NO_SUCH_BACKFILL = define(
    "no-such-backfill", 404, "No such backfill", "There is no backfill of this number. `--status` lists them."
)
WRONG_TURN = define(
    "backfill-wrong-state",
    409,
    "The backfill is in another state",
    "Only a running backfill can be paused, only a paused one resumed, and what has ended stays as it is.",
)
DOES_NOT_RUN = define(
    "check-does-not-run",
    409,
    "The check does not run",
    "A check that is disabled or wiped out runs nowhere. Set it to evaluation first: then it decides nothing.",
)


class BackfillState(StrEnum):
    """How a backfill stands."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


S = BackfillState


@dataclass(frozen=True, slots=True)
class Backfill:
    """One backfill as its row says. `says` is why it is in its state; counters are of files, `found` of findings."""

    id: int
    checks: tuple[str, ...]
    selection: Selection
    act: bool
    most_cases: int
    state: BackfillState
    says: str
    schedule: str | None
    cursor: str
    total: int
    done: int
    scanned: int
    skipped: int
    failed: int
    found: int
    cases: int
    moved: int
    verdicts: dict[str, int]
    started_at: datetime
    mark_at: datetime
    mark_done: int
    seen_at: datetime
    ended_at: datetime | None
    given_up: int = 0
    """Parts whose jobs used up their attempts: `bonded job list` shows why, `bonded job retry` goes on."""

    @property
    def left(self) -> int:
        return max(0, self.total - self.done) if self.state in (S.RUNNING, S.PAUSED) else 0

    def rate(self) -> float:
        """Files per second since it was started or resumed; 0.0 when nothing can be said."""
        seconds = (self.seen_at - self.mark_at).total_seconds()
        return round((self.done - self.mark_done) / seconds, 3) if seconds > 0 else 0.0

    def remaining(self) -> timedelta | None:
        """How long it will take at this rate; None when nothing can be said."""
        rate = self.rate()
        return timedelta(seconds=round(self.left / rate)) if rate and self.state is S.RUNNING else None


def start(
    tx: Tx,
    who: Actor,
    names: Iterable[str],
    selection: Selection,
    *,
    now: datetime,
    act: bool = False,
    most_cases: int = MOST_CASES,
    schedule: str | None = None,
    new: CheckState = CheckState.EVALUATION,
    reason: str = "",
) -> int:
    """Begin a backfill of the checks `names`; returns its number.

    `act`: a verdict of reject withdraws a public file; then somebody says why, be it by the schedule. Else `reason` may be
    empty: looking once more harms nobody. `new` is the state of checks from outside that nobody has set yet.
    Raises Refusal (no-such-check, check-does-not-run, reason-needed).
    """
    words = why(reason, act and schedule is None)
    checks = chosen(tx, names, new)
    values: dict[str, Any] = dict.fromkeys(_COUNTERS, 0) | {"verdicts": {}, "cursor": "", "says": ""}
    values |= {"checks": [one.name for one in checks], "filter": selection.as_json(), "act": act, "schedule": schedule}
    values |= {"state": S.RUNNING, "most_cases": most_cases, "started_at": now, "mark_at": now, "seen_at": now}
    values["total"] = count(tx, selection, checks, before=now)
    number = int(tx.execute(insert(table).values(values).returning(table.c.id)).scalar_one())
    _record(
        tx,
        who,
        number,
        "start",
        now,
        checks=values["checks"],
        filter=values["filter"],
        act=act,
        schedule=schedule,
        reason=words,
    )
    feed(tx, number, now)
    return number


def why(reason: str, needed: bool) -> str:
    """`reason` as the journal keeps it. Raises Refusal (reason-needed, reason-too-long)."""
    words = check_reason("check.backfill", reason)
    if needed and not words:
        raise Refusal(REASON_NEEDED, "say why: public files may be withdrawn by this")
    return words


def chosen(conn: Connection, names: Iterable[str], new: CheckState = CheckState.EVALUATION) -> tuple[Check, ...]:
    """The checks of these names, by name. Raises Refusal for one that is not there or does not run."""
    found = []
    for name in sorted(set(names)):
        one = by_name(name)
        if one is None:
            raise Refusal(NO_SUCH_CHECK, f"there is no check called {name[:60]!r}")
        found.append(one)
    if not found:
        raise Refusal(NO_SUCH_CHECK, "name at least one check")
    for name, state in in_force(found, states(conn), new).items():
        if state not in RUNS:
            raise Refusal(DOES_NOT_RUN, f"{name} is {check_state(state)}: set it to evaluation first")
    return tuple(found)


def feed(tx: Tx, number: int, now: datetime) -> None:
    """Hand out parts until there are enough; end the backfill when nothing is left. Nothing unless it is running."""
    row = lock(tx, number)
    if row.state is not S.RUNNING:
        return
    open_parts = _open(tx, number)
    checks = [one for name in row.checks if (one := by_name(name)) is not None]
    cursor = row.cursor
    jobs: list[tuple[str, dict[str, Any]]] = []
    while open_parts + len(jobs) < PARTS:
        ids = page(tx, row.selection, checks, before=row.started_at, after=cursor, limit=FILES)
        if not ids:
            break
        values = {"backfill_id": number, "after": cursor, "last": ids[-1], "files": len(ids)}
        tx.execute(insert(part_table).values(values))
        jobs.append(job_of(number, cursor, ids[-1]))
        cursor = ids[-1]
    enqueue_all(tx, QUEUE, jobs, now=now)
    if jobs:
        tx.execute(update(table).where(table.c.id == number).values(cursor=cursor))
    elif not open_parts:
        _end(tx, row, now)


def job_of(number: int, after: str, last: str) -> tuple[str, dict[str, Any]]:
    """Key and payload of the job of one part."""
    return f"backfill:{number}:{after}", {"backfill": number, "after": after, "last": last}


def pause(
    tx: Tx, who: Actor, number: int, *, now: datetime, says: str = "paused by a person", reason: str = ""
) -> None:
    """Stop handing out. What is in hand is finished and counted. Raises Refusal."""
    words = why(reason, needed=False)
    row = _in(tx, number, S.RUNNING)
    says = f"{says}: {words}" if words else says
    _turn(tx, row, S.PAUSED, says, now)
    _record(tx, who, number, "pause", now, says=says, reason=words)


def resume(tx: Tx, who: Actor, number: int, *, now: datetime, reason: str = "") -> None:
    """Go on where it stopped; a backfill that paused itself for its cases may open as many again. Raises Refusal."""
    words = why(reason, needed=False)
    row = _in(tx, number, S.PAUSED)
    values = {"state": S.RUNNING, "says": "", "mark_at": now, "seen_at": now, "mark_done": row.done}
    more = row.cases + max(row.most_cases, MOST_CASES) if row.cases >= row.most_cases else row.most_cases
    tx.execute(update(table).where(table.c.id == number).values(values | {"most_cases": more}))
    rows = tx.execute(select(part_table).where(part_table.c.backfill_id == number)).all()
    enqueue_all(tx, QUEUE, [job_of(number, one.after, one.last) for one in rows], now=now)
    _record(tx, who, number, "resume", now, reason=words)
    feed(tx, number, now)


def cancel(tx: Tx, who: Actor, number: int, *, now: datetime, reason: str = "") -> None:
    """End it where it is. What was found stays. Raises Refusal."""
    words = why(reason, needed=False)
    row = _in(tx, number, S.RUNNING, S.PAUSED)
    tx.execute(delete(part_table).where(part_table.c.backfill_id == number))
    says = "cancelled by a person"
    _turn(tx, row, S.CANCELLED, f"{says}: {words}" if words else says, now)
    _record(tx, who, number, "cancel", now, **_summary(row), reason=words)


def give_up(tx: Tx, *, now: datetime) -> None:
    """Let go of the parts whose jobs an operator discarded: their files count as skipped, and the backfill goes on to its end.

    A part and its job go in one transaction, and a paused backfill gets its jobs back, so a part of a running one that has no job
    is one of these. A round of house-keeping.
    """
    p, skipped = part_table.c, Counter[int]()
    key = literal("backfill:") + cast(p.backfill_id, Text) + ":" + p.after
    running = select(table.c.id).where(table.c.state == S.RUNNING)
    dropped = (p.backfill_id.in_(running), ~exists().where(job_table.c.key == key))
    for part in tx.execute(delete(part_table).where(*dropped).returning(p.backfill_id, p.files)).all():
        skipped[part.backfill_id] += part.files
    for number, files in sorted(skipped.items()):
        row = lock(tx, number)
        values = {"done": row.done + files, "skipped": row.skipped + files, "seen_at": now}
        tx.execute(update(table).where(table.c.id == number).values(values))
        feed(tx, number, now)


def read(conn: Connection, number: int) -> Backfill:
    """One backfill. Raises Refusal (no-such-backfill)."""
    row = conn.execute(select(table).where(table.c.id == number)).one_or_none()
    if row is None:
        raise Refusal(NO_SUCH_BACKFILL, f"there is no backfill {number}")
    return _value(row, _given_up(conn, number) if row.state == S.RUNNING else 0)


def newest(conn: Connection, limit: int = 20) -> list[Backfill]:
    """The newest backfills, those that run or pause first."""
    active = table.c.state.in_((S.RUNNING, S.PAUSED))
    rows = conn.execute(select(table).order_by(active.desc(), table.c.id.desc()).limit(limit)).all()
    return [_value(row, _given_up(conn, row.id) if row.state == S.RUNNING else 0) for row in rows]


def lock(tx: Tx, number: int) -> Backfill:
    """The backfill as it is now, locked until the end of the transaction. Raises Refusal (no-such-backfill)."""
    row = tx.execute(select(table).where(table.c.id == number).with_for_update()).one_or_none()
    if row is None:
        raise Refusal(NO_SUCH_BACKFILL, f"there is no backfill {number}")
    return _value(row)


_COUNTERS = ("total", "done", "scanned", "skipped", "failed", "found", "cases", "moved", "mark_done")


def _value(row: Any, given_up: int = 0) -> Backfill:
    values = dict(row._mapping)
    selection = selection_of(values.pop("filter"))
    values |= {"checks": tuple(values["checks"]), "state": BackfillState(values["state"])}
    return Backfill(**values, selection=selection, given_up=given_up)


def _open(tx: Tx, number: int) -> int:
    mine = part_table.c.backfill_id == number
    return tx.execute(select(func.count()).select_from(part_table).where(mine)).scalar_one()


def _given_up(conn: Connection, number: int) -> int:
    mine = (job_table.c.queue == QUEUE) & (job_table.c.state == "dead") & job_table.c.key.like(f"backfill:{number}:%")
    return conn.execute(select(func.count()).where(mine)).scalar_one()


def _in(tx: Tx, number: int, *wanted: BackfillState) -> Backfill:
    row = lock(tx, number)
    if row.state not in wanted:
        raise Refusal(WRONG_TURN, f"backfill {number} is {backfill_state(row.state)}")
    return row


def _turn(tx: Tx, row: Backfill, state: BackfillState, says: str, now: datetime) -> None:
    ended = now if state in (S.CANCELLED, S.DONE) else None
    tx.execute(update(table).where(table.c.id == row.id).values(state=state, says=says, ended_at=ended))


def _end(tx: Tx, row: Backfill, now: datetime) -> None:
    _turn(tx, row, S.DONE, "", now)
    _record(tx, POLICY, row.id, "end", now, **_summary(row))
    log.info("backfill done", backfill=row.id, checks=row.checks, **_summary(row))


def _summary(row: Backfill) -> dict[str, Any]:
    names: Sequence[str] = ("done", "scanned", "skipped", "failed", "found", "cases", "moved", "verdicts")
    return {name: getattr(row, name) for name in names}


def _record(tx: Tx, who: Actor, number: int, what: str, now: datetime, **facts: Any) -> None:
    subject = (SubjectKind.CHECK, f"backfill {number}")
    told = {name: value for name, value in facts.items() if value not in (None, "")}
    record(tx, "check.backfill", who, subject, now=now, facts={"what": what} | told)
