"""Telling people about alarms: once for each step of each alarm, however often and by however many workers it is looked at.

A row for each alarm that stands holds the step that was told. A journal row, written in the same transaction, becomes the
mail. If we stop anywhere, either both are there or the next look writes both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bonded.db.engine import Database, Tx
from bonded.journal.record import record
from bonded.tuf.tables import alarm as table
from bonded.values.alarms import Alarm
from bonded.values.states import SubjectKind
from bonded.values.who import PUBLISHER

QUIET = timedelta(hours=1)
"""An alarm is over, or less bad, when it has been so for this long: what comes and goes is told once. What was seen by a
clock that was ahead is over at once: it was true then, and must not keep the next one of its kind from being told."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An alarm that people know of: the step they were told, and when it was last as bad as that."""

    step: int
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What to write for one alarm. `told` is the step that the row has now (0: no row), `step` the new one (0: over)."""

    key: str
    told: int
    step: int
    alarm: Alarm | None = None

    @property
    def news(self) -> bool:
        """Whether people are told."""
        return self.step > self.told


def decide(standing: Mapping[str, Standing], found: Sequence[Alarm], now: datetime) -> list[Change]:
    """What changed between what people were told and what is true. Pure; [] when there is nothing to write.

    A change whose step stays notes that the alarm was seen.
    """
    changes = []
    for alarm in found:
        known = standing.get(alarm.key)
        told = known.step if known else 0
        better = known is not None and alarm.step < told
        if better and known is not None and _just_now(known, now):
            continue
        changes.append(Change(alarm.key, told, alarm.step, alarm))
    here = {alarm.key for alarm in found}
    gone = [(key, known) for key, known in standing.items() if key not in here]
    return changes + [Change(key, known.step, 0) for key, known in gone if not _just_now(known, now)]


def _just_now(known: Standing, now: datetime) -> bool:
    return abs(now - known.seen_at) < QUIET


def tell(db: Database, found: Sequence[Alarm], now: datetime) -> list[Alarm]:
    """Write what changed; returns the alarms that people are told of now. Raises the database's errors."""
    with db.read() as conn:
        rows = conn.execute(select(table.c.key, table.c.step, table.c.seen_at)).all()
    changes = decide({row.key: Standing(row.step, row.seen_at) for row in rows}, found, now)
    if not changes:
        return []
    told = []
    with db.write() as tx:
        for change in changes:
            if not _write(tx, change, now):
                continue
            if change.news and change.alarm is not None:
                _raise(tx, change.alarm, now)
                told.append(change.alarm)
            elif not change.step:
                _record(tx, "index.alarm-over", {"key": change.key}, now)
    return told


def _write(tx: Tx, change: Change, now: datetime) -> bool:
    """Bring the row to the new step, if it still is at the one that was read: of two workers, one tells."""
    if not change.told:
        return _insert(tx, change, now)
    mine = (table.c.key == change.key) & (table.c.step == change.told)
    if not change.step:
        return tx.execute(delete(table).where(mine)).rowcount == 1
    values: dict[str, Any] = {"step": change.step, "seen_at": now}
    return tx.execute(update(table).where(mine).values(values)).rowcount == 1


def _insert(tx: Tx, change: Change, now: datetime) -> bool:
    values = {"key": change.key, "step": change.step, "raised_at": now, "seen_at": now}
    try:
        with tx.begin_nested():
            tx.execute(insert(table).values(values))
    except IntegrityError:  # another worker was here
        return False
    return True


def _raise(tx: Tx, alarm: Alarm, now: datetime) -> None:
    facts = {"kind": alarm.kind, "key": alarm.key, "step": alarm.step, "values": dict(alarm.values)}
    _record(tx, "index.alarm", facts, now)


def _record(tx: Tx, action: str, facts: dict[str, Any], now: datetime) -> None:
    record(tx, action, PUBLISHER, (SubjectKind.INDEX, ""), now=now, facts=facts)
