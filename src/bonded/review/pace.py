"""How review goes: time to a verdict, how often a decision is turned round, how far people agree, what waits too long.

From the journal and the files of a window of time. Pure functions over small rows; nobody is counted by name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, func, select

from bonded.catalog.tables import case as case_table
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import verdict as verdict_table
from bonded.journal.tables import journal
from bonded.review.decisions import TURNS
from bonded.values.states import SubjectKind

MOST = 20_000
"""Rows of each kind that count: the newest."""
GOOD = frozenset({"review.release"})


@dataclass(frozen=True, slots=True)
class Spread:
    """Of `count` times: half are at most `half`, 95 of 100 at most `most`; None where there is none."""

    count: int
    half: timedelta | None
    most: timedelta | None


@dataclass(frozen=True, slots=True)
class Act:
    """One decision about one file. `end` is what the file is to be: "public", "away" or "open" (back under review)."""

    file_id: str
    actor_id: str
    end: str
    at: datetime
    undoes: bool


@dataclass(frozen=True, slots=True)
class Turned:
    """Of `decided` files with a decision, in `turned` a later one said the opposite. Of `twice` that two people decided,
    `agreed` ended as the first had said."""

    decided: int
    turned: int
    twice: int
    agreed: int


@dataclass(frozen=True, slots=True)
class Day:
    """Cases of one day (UTC)."""

    day: date
    opened: int
    closed: int


@dataclass(frozen=True, slots=True)
class Pace:
    """The figures of a window. `late_closed` of `closed` cases took longer than the promise; `late_open` wait longer now."""

    policy: Spread
    people: Spread
    turned: Turned
    closed: int
    late_closed: int
    late_open: int
    days: tuple[Day, ...]


def spread(times: Sequence[timedelta]) -> Spread:
    """Median and 95th percentile by nearest rank. Pure."""
    if not times:
        return Spread(0, None, None)
    ordered = sorted(times)
    at = [max(0, -(-share * len(ordered) // 100) - 1) for share in (50, 95)]
    return Spread(len(ordered), ordered[at[0]], ordered[at[1]])


def turned(acts: Sequence[Act]) -> Turned:
    """How often decisions were turned round; `acts` in order of time. Pure."""
    by_file: dict[str, list[Act]] = defaultdict(list)
    for act in acts:
        by_file[act.file_id].append(act)
    reversed_ = twice = agreed = 0
    for some in by_file.values():
        ends = [one for one in some if one.end != "open"]
        if not ends:
            continue
        reversed_ += any(one.end != ends[0].end for one in some) or any(one.undoes for one in some)
        others = [one for one in ends if one.actor_id != ends[0].actor_id]
        twice += bool(others)
        agreed += bool(others) and others[-1].end == ends[0].end
    decided = sum(any(one.end != "open" for one in some) for some in by_file.values())
    return Turned(decided, reversed_, twice, agreed)


def pace(conn: Connection, *, promise: timedelta, window: timedelta, now: datetime) -> Pace:
    """The figures of the last `window`; `promise` is how soon a case is to be closed."""
    since = now - window
    c = case_table.c
    closed = conn.execute(
        select(c.opened_at, c.closed_at).where(c.closed_at > since).order_by(c.closed_at.desc()).limit(MOST)
    ).all()
    late_open = select(func.count()).where(c.state == "open", c.opened_at < now - promise)
    opened = conn.execute(select(c.opened_at).where(c.opened_at > since).limit(MOST)).scalars()
    late = sum(row.closed_at - row.opened_at > promise for row in closed)
    acts = _acts(conn, since)
    return Pace(
        spread(_policy(conn, since)),
        spread(_people(conn, acts)),
        turned(acts),
        len(closed),
        late,
        conn.execute(late_open).scalar_one(),
        _days([one.date() for one in opened], [row.closed_at.date() for row in closed], since.date(), now.date()),
    )


def _days(opened: list[date], closed: list[date], first: date, last: date) -> tuple[Day, ...]:
    days = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
    return tuple(Day(day, opened.count(day), closed.count(day)) for day in days)


def _policy(conn: Connection, since: datetime) -> list[timedelta]:
    """From upload to the first verdict of policy."""
    f, v = file_table.c, verdict_table.c
    first = func.min(v.created_at)
    query = (
        select(f.uploaded_at, first.label("at"))
        .join(verdict_table, v.file_id == f.id)
        .where(f.uploaded_at > since)
        .group_by(f.id, f.uploaded_at)
        .order_by(f.uploaded_at.desc())
        .limit(MOST)
    )
    return [row.at - row.uploaded_at for row in conn.execute(query)]


def _acts(conn: Connection, since: datetime) -> list[Act]:
    j = journal.c
    rows = conn.execute(
        select(j.subject_id, j.actor_id, j.action, j.at, j.facts)
        .where(j.at > since, j.action.in_(sorted(TURNS)), j.subject_kind == SubjectKind.FILE)
        .order_by(j.id.desc())
        .limit(MOST)
    ).all()
    return [Act(row[0], row[1], _end(row.action, row.facts), row.at, bool(row.facts.get("undo"))) for row in rows[::-1]]


def _end(action: str, facts: dict[str, str]) -> str:
    if action == "review.reopen":
        return "open"
    state = facts.get("to") or facts.get("state")
    return "public" if action in GOOD or state == "public" else "away"


def _people(conn: Connection, acts: Sequence[Act]) -> list[timedelta]:
    """From upload to the first decision of a person."""
    first: dict[str, datetime] = {}
    for act in acts:
        first.setdefault(act.file_id, act.at)
    f, ids, out = file_table.c, sorted(first), []
    for at in range(0, len(ids), 500):
        rows = conn.execute(select(f.id, f.uploaded_at).where(f.id.in_(ids[at : at + 500])))
        out += [first[row.id] - row.uploaded_at for row in rows]
    return out
