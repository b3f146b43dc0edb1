"""Cron expressions: when they come next, and what is none."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonded.screening.cron import BadCron, parse

START = datetime(2026, 1, 5, 12, 0, 30, tzinfo=UTC)  # a Monday
NEXT = [
    ("* * * * *", "2026-01-05 12:01"),
    ("0 3 * * *", "2026-01-06 03:00"),
    ("@daily", "2026-01-06 00:00"),
    ("@HOURLY", "2026-01-05 13:00"),
    ("@weekly", "2026-01-11 00:00"),
    ("@monthly", "2026-02-01 00:00"),
    ("@yearly", "2027-01-01 00:00"),
    ("*/20 * * * *", "2026-01-05 12:20"),
    ("5/20 * * * *", "2026-01-05 12:05"),
    ("0 8-18/5 * * *", "2026-01-05 13:00"),
    ("30 4 * * SUN", "2026-01-11 04:30"),
    ("30 4 * * 7", "2026-01-11 04:30"),
    ("30 4 * * mon-fri", "2026-01-06 04:30"),
    ("0 0 29 2 *", "2028-02-29 00:00"),
    ("0 0 31 * *", "2026-01-31 00:00"),
    ("0 0 13 * fri", "2026-01-09 00:00"),
    ("0 0 13 1 *", "2026-01-13 00:00"),
    ("0 12 5 JAN,jul *", "2026-07-05 12:00"),
    ("1,2 3,4 * * *", "2026-01-06 03:01"),
]


@pytest.mark.parametrize(("text", "at"), NEXT, ids=[text for text, _ in NEXT])
def test_when_it_comes_next(text: str, at: str) -> None:
    assert parse(text).next(START) == datetime.fromisoformat(at).replace(tzinfo=UTC)


WRONG = [
    "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
    "5-1 * * * *", "a * * * *", "* * * feb-jan *", "*-5 * * * *", "1;2 * * * *", "0 0 30 2 *", "@reboot", "-1 * * * *",
    "² * * * *", "1- * * * *", "/5 * * * *", "0 0 L * *",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(BadCron, match=r".") as caught:
        parse(text)
    assert "\n" not in str(caught.value)


def test_another_time_zone_is_told_in_utc() -> None:
    later = datetime(2026, 1, 5, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert parse("0 5 * * *").next(later) == datetime(2026, 1, 6, 5, 0, tzinfo=UTC)


def field(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    some = st.lists(number, min_size=1, max_size=4).map(lambda found: ",".join(map(str, found)))
    between = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    return st.one_of(st.just("*"), some, between, st.integers(1, 9).map(lambda step: f"*/{step}"))


@given(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6), st.integers(0, 10 * 366 * 86_400))
def test_the_next_moment_matches_and_none_before_does(
    minute: str, hour: str, day: str, month: str, weekday: str, seconds: int
) -> None:
    """Against a reading of the fields by brute force, minute by minute, over the hour before and after."""
    cron = parse(f"{minute} {hour} {day} {month} {weekday}")
    start = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    found = cron.next(start)
    assert found > start
    assert _matches(found, minute, hour, day, month, weekday)
    first = start.replace(second=0, microsecond=0) + timedelta(minutes=1)
    for n in range(120):
        at = first + timedelta(minutes=n)
        if at >= found:
            break
        assert not _matches(at, minute, hour, day, month, weekday)


def _matches(at: datetime, minute: str, hour: str, day: str, month: str, weekday: str) -> bool:
    of_week = (calendar.weekday(at.year, at.month, at.day) + 1) % 7
    days = _in(day, at.day, 1), _in(weekday, of_week, 0)
    both = not day.startswith("*") and not weekday.startswith("*")
    return (
        _in(minute, at.minute, 0) and _in(hour, at.hour, 0) and _in(month, at.month, 1) and (any if both else all)(days)
    )


def _in(field: str, value: int, least: int) -> bool:
    if field.startswith("*"):
        return (value - least) % int(field.partition("/")[2] or 1) == 0
    if "-" in field:
        first, last = map(int, field.split("-"))
        return first <= value <= last
    return value in map(int, field.split(","))
