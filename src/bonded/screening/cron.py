"""Cron expressions: five fields (minute, hour, day of the month, month, day of the week), in UTC. Pure.

Lists (1,15), ranges (1-5), steps (*/10, 8-18/2), names of months and days (JAN, MON) and @hourly, @daily, @weekly, @monthly,
@yearly. As in cron, a day matches when either of the two day fields does, where both are restricted. Sunday is 0 or 7.
Nothing more: no seconds, no L or W. UTC has no summer time, so no hour comes twice or never.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7))
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d{1,4}))?$")
_YEARS = 28
"""After so many years every combination of date and day of the week has come, but for centuries without a leap day."""


class BadCron(ValueError):
    """The expression cannot be used; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Both day fields are restricted: one of them suffices."""

    def next(self, after: datetime) -> datetime:
        """The first moment later than `after` (aware) that matches, in UTC, on a whole minute."""
        start = after.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        day, least = start.date(), start.time()
        for _ in range(_YEARS * 366):
            found = self._on(day, least)
            if found is not None:
                return datetime.combine(day, found, UTC)
            day, least = day + timedelta(days=1), time(0)
        raise BadCron(f"{self.text!r} never comes")

    def _on(self, day: date, least: time) -> time | None:
        """The first matching time of `day` that is not before `least`."""
        if day.month not in self.months or not self._is_day(day):
            return None
        times = (time(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes))
        return next((at for at in times if at >= least), None)

    def _is_day(self, day: date) -> bool:
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return of_month or of_week if self.either_day else of_month and of_week


def parse(text: str) -> Cron:
    """Raises BadCron for what is no expression, and for one that never comes (30 February)."""
    fields = NAMED.get(text.strip().lower(), text).split()
    if len(fields) != len(FIELDS):
        raise BadCron(f"{text!r} has {len(fields)} fields; minute, hour, day, month and day of the week are five")
    minutes, hours, days, months, weekdays = (
        _field(field, *limits) for field, limits in zip(fields, FIELDS, strict=True)
    )
    made = Cron(
        " ".join(fields),
        minutes,
        hours,
        days,
        months,
        frozenset(day % 7 for day in weekdays),
        either_day=not fields[2].startswith("*") and not fields[4].startswith("*"),
    )
    made.next(datetime(2000, 1, 1, tzinfo=UTC))
    return made


def _field(text: str, name: str, least: int, most: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        match = _PART.match(part)
        if match is None:
            raise BadCron(f"{part!r} is no {name}")
        step = int(match["step"] or 1)
        if match["first"] == "*":
            first, last = least, most
        else:
            first = _number(match["first"], name, least, most)
            last = _number(match["last"], name, least, most) if match["last"] else most if match["step"] else first
        if first > last or not step or (match["first"] == "*" and match["last"]):
            raise BadCron(f"{part!r} is no {name}")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, name: str, least: int, most: int) -> int:
    words = {"month": MONTHS, "day of the week": DAYS}.get(name, [])
    value = words.index(text) + least if text in words else int(text) if text.isascii() and text.isdigit() else -1
    if not least <= value <= most:
        raise BadCron(f"{text!r} is no {name}: it is from {least} to {most}")
    return value
