"""The state of signing: alarms, roles, keys and bins, the change of keys under way, the last day's publications, and what
clients of older snapshots see of what was withdrawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pyramid.response import Response

from bonded.tuf import recent
from bonded.tuf.status import Status, status
from bonded.tuf.steps import StepSequence
from bonded.tuf.steps_rows import newest
from bonded.values.actions import ACTIONS
from bonded.values.alarms import Alarm
from bonded.values.languages import formats_of, is_rtl
from bonded.values.spans import span
from bonded.web.chart import chart
from bonded.web.request import Request

DAY = timedelta(days=1)
CHANGE_SHOWN = timedelta(days=7)
"""How long a change of keys or bins is shown after it ended."""


@dataclass(frozen=True, slots=True)
class ShownAlarm:
    """An alarm in the visitor's language."""

    critical: bool
    sentence: str
    advice: str


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change of keys or bins: its kind and state, the step that comes next (counted from 1), and what is waited for."""

    kind: str
    state: str
    step: int
    steps: tuple[str, ...]
    since: datetime
    says: str


def show(request: Request) -> Response:
    """The page."""
    now = request.now
    found = status(request.db, request.house.public, now)
    values: dict[str, Any] = {"hours": [], "burned": 0, "withdrawn": [], "change": None}
    if not any(fault.kind == "database-away" for fault in found.faults):
        values = _from_database(request, found)
    return request.page("admin/signing.html", signing=found, alarms=shown_alarms(request, found), now=now, **values)


def shown_alarms(request: Request, found: Status) -> list[ShownAlarm]:
    """The alarms of `found` in the visitor's language, the critical ones first."""
    written = formats_of(request.language)
    alarms = [alarm.worded(lambda time: span(time, written)) for alarm in found.alarms]
    if is_rtl(request.language):
        alarms = [_turned(alarm) for alarm in alarms]
    return [
        ShownAlarm(a.severity == "critical", a.sentence(request.gettext), a.advice(request.gettext)) for a in alarms
    ]


def _turned(alarm: Alarm) -> Alarm:
    """`alarm` for a text from right to left: its names, numbers and units keep their own direction (isolates of Unicode)."""
    return replace(alarm, values={place: f"\u2068{value}\u2069" for place, value in alarm.values.items()})


def _from_database(request: Request, found: Status) -> dict[str, Any]:
    now = request.now
    with request.db.read() as conn:
        day = recent.hours(conn, now)
        return {
            "hours": day,
            "publications": chart([hour.publications for hour in day]),
            "changes": chart([hour.changes for hour in day]),
            "burned": recent.burned(conn, now - DAY),
            "withdrawn": recent.withdrawn(conn, now, found.lifetime or DAY),
            "labels": {name: ACTIONS[name].label for name in recent.WITHDRAWALS},
            "change": _change(newest(conn), now),
        }


def _change(found: tuple[StepSequence, str] | None, now: datetime) -> ShownChange | None:
    """The newest change, while it runs and for some days after."""
    if found is None:
        return None
    sequence, state = found
    if state != "running" and now - sequence.since > CHANGE_SHOWN:
        return None
    names = tuple(step.name for step in sequence.steps)
    return ShownChange(sequence.kind, state, max(0, sequence.at + 1), names, sequence.since, sequence.says)
