"""How much there is and how it goes, in numbers for everybody. Counted once in a while, as counting reads every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

from pyramid.response import Response
from sqlalchemy import BigInteger, Connection, and_, func, select, type_coerce

from bonded.accounts.tables import user
from bonded.catalog import read
from bonded.catalog.tables import file, project
from bonded.tuf.tables import publication
from bonded.values.states import AccountState, FileState, ProjectStatus
from bonded.web.chart import chart
from bonded.web.public.kept import Kept
from bonded.web.request import Request

DAYS = 30
FRESH = timedelta(minutes=5)
DAY_MICROSECONDS = 86_400 * 1_000_000
MOST_TIMED = 2000
"""Newest files of which the time until they were public is taken."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Counts as of `at`: of releases and files that anybody can install, so none of quarantined projects; `people` without
    accounts that were deleted. `files_by_day` and `publications_by_day` are of the last DAYS days, the oldest first;
    `outcomes` of files uploaded in them, by state; `wait` the median time from upload to public, None without any."""

    at: datetime
    projects: int
    releases: int
    files: int
    size: int
    people: int
    days: tuple[date, ...]
    files_by_day: tuple[int, ...]
    publications_by_day: tuple[int, ...]
    outcomes: dict[str, int]
    wait: timedelta | None


def show(request: Request) -> Response:
    """The page."""
    numbers = kept.current(request.db, request.now)
    days = [day.isoformat() for day in numbers.days]
    return request.page(
        "public/statistics.html",
        numbers=numbers,
        files=chart(numbers.files_by_day),
        publications=chart(numbers.publications_by_day),
        file_rows=list(zip(days, numbers.files_by_day, strict=True)),
        publication_rows=list(zip(days, numbers.publications_by_day, strict=True)),
    )


def count(conn: Connection, now: datetime) -> Numbers:
    """Read them all."""
    today = int(now.timestamp()) // 86_400
    numbers = range(today - DAYS + 1, today + 1)
    since = datetime.fromtimestamp(numbers[0] * 86_400, UTC)
    silent = select(project.c.id).where(project.c.status == ProjectStatus.QUARANTINED)
    public = and_(file.c.state == FileState.PUBLIC, file.c.project_id.not_in(silent))
    people = select(func.count()).select_from(user).where(user.c.state != AccountState.DELETED)
    files, size = conn.execute(select(func.count(), func.coalesce(func.sum(file.c.size), 0)).where(public)).one()
    releases = select(func.count(func.distinct(file.c.release_id))).where(public)
    outcomes = select(file.c.state, func.count()).where(file.c.uploaded_at >= since).group_by(file.c.state)
    flips = publication.c.state == "live", publication.c.flipped_at >= since
    return Numbers(
        at=now,
        projects=read.count_projects(conn),
        releases=int(conn.execute(releases).scalar_one()),
        files=int(files),
        size=int(size),
        people=int(conn.execute(people).scalar_one()),
        days=tuple(datetime.fromtimestamp(number * 86_400, UTC).date() for number in numbers),
        files_by_day=_by_day(conn, numbers, file.c.uploaded_at, (public, file.c.uploaded_at >= since)),
        publications_by_day=_by_day(conn, numbers, publication.c.flipped_at, flips),
        outcomes={row[0]: int(row[1]) for row in conn.execute(outcomes)},
        wait=_wait(conn, since),
    )


kept = Kept(FRESH, count)


def _by_day(conn: Connection, days: Sequence[int], column: Any, where: Sequence[Any]) -> tuple[int, ...]:
    day = type_coerce(column, BigInteger) // DAY_MICROSECONDS
    found = {int(row[0]): int(row[1]) for row in conn.execute(select(day, func.count()).where(*where).group_by(day))}
    return tuple(found.get(number, 0) for number in days)


def _wait(conn: Connection, since: datetime) -> timedelta | None:
    rows = conn.execute(
        select(file.c.uploaded_at, file.c.state_at)
        .where(file.c.state == FileState.PUBLIC, file.c.uploaded_at >= since)
        .order_by(file.c.uploaded_at.desc())
        .limit(MOST_TIMED)
    ).all()
    return median([row.state_at - row.uploaded_at for row in rows]) if rows else None
