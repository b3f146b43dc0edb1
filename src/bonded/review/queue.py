"""The queue of cases, and one case with its files, verdicts and ranked evidence. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from bonded.catalog import read
from bonded.catalog.tables import case as case_table
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import finding as finding_table
from bonded.catalog.tables import project as project_table
from bonded.catalog.tables import verdict as verdict_table
from bonded.catalog.withdrawn import shown_headline, shown_terms, withdrawn_checks
from bonded.db.among import parts
from bonded.review.decisions import Decided, newest, settled
from bonded.review.evidence import Evidence, ranked
from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState, Verdict

NO_SUCH_CASE = define("no-such-case", 404, "No such case", "There is no review case of this number.")


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One line of the queue. `waiting`: held files; `files`: all files of the case; `uploaders`: opaque ids.

    `campaign_id` is the least number of the cases that it belongs with, its own if there are none.
    """

    id: int
    project_id: str
    project_key: str
    project_name: str
    state: str
    score: float
    headline: str
    opened_at: datetime
    closed_at: datetime | None
    files: int
    waiting: int
    campaign_id: int
    uploaders: tuple[str, ...] = ()
    claimed_by: str | None = None
    claimed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What policy said of a file, newest run."""

    verdict: Verdict
    score: float
    terms: tuple[tuple[str, float], ...]
    rules: str
    sandbox: str
    unread: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A file of a case: what policy said, and what people decided."""

    file: read.File
    judged: Judged | None
    decided: Decided | None

    @property
    def settled(self) -> bool:
        return settled(self.file, self.decided)


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that a reviewer needs: the files, the findings with the most telling first."""

    line: CaseLine
    project: read.Project
    files: tuple[CaseFile, ...]
    findings: tuple[Evidence, ...]


Cursor = tuple[float | datetime, int]
"""What the last line of a page is sorted by, and its id."""

SORTS = ("score", "oldest", "newest")
CLAIM_LASTS = timedelta(minutes=30)
"""How long somebody's claim on a case counts (review.claims)."""


def cases(
    conn: Connection,
    *,
    state: str = "open",
    project: str | None = None,
    uploader: str | None = None,
    check: str | None = None,
    campaign: int | None = None,
    sort: str = "score",
    after: Cursor | None = None,
    limit: int = 50,
) -> tuple[list[CaseLine], Cursor | None]:
    """One page of cases and the cursor of the next. By score the oldest comes first among equals.

    `state` is "open" or "closed", `project` a normalized name, `uploader` an opaque id of a person, `check` a check that
    found something, `campaign` a number of one.
    """
    c = case_table.c
    query = _heads().where(c.state == state)
    if project is not None:
        query = query.where(project_table.c.key == project)
    if campaign is not None:
        query = query.where(or_(c.campaign_id == campaign, c.id == campaign))
    mine = select(file_table.c.id).where(file_table.c.case_id == c.id)
    if uploader is not None:
        query = query.where(mine.where(file_table.c.uploader_id == uploader).exists())
    if check is not None:
        found = mine.join(finding_table, finding_table.c.file_id == file_table.c.id)
        # An expression, so that no planner begins with all findings of the check: those of a case are few.
        query = query.where(found.where(func.coalesce(finding_table.c.check, "") == check).exists())
    by, down = (c.score, True) if sort == "score" else (c.opened_at, sort == "newest")
    if after is not None:
        value, last = after
        query = query.where(or_(by < value if down else by > value, and_(by == value, c.id > last)))
    rows = conn.execute(query.order_by(by.desc() if down else by, c.id).limit(limit + 1)).all()
    lines = _whole(conn, rows[:limit])
    if len(rows) <= limit:
        return lines, None
    return lines, (lines[-1].score if sort == "score" else lines[-1].opened_at, lines[-1].id)


def line_of(conn: Connection, case_id: int) -> CaseLine:
    """The case as a line of the queue. Raises Refusal (no-such-case)."""
    row = conn.execute(_heads().where(case_table.c.id == case_id)).one_or_none()
    if row is None:
        raise Refusal(NO_SUCH_CASE, f"there is no case {case_id}")
    (line,) = _whole(conn, [row])
    return line


def case(conn: Connection, case_id: int) -> Case:
    """The case with everything in it. Raises Refusal (no-such-case)."""
    line = line_of(conn, case_id)
    project = read.project_by_id(conn, line.project_id)
    assert project is not None  # a foreign key says so
    files = _files(conn, case_id)
    findings = ranked(conn, [f.file.id for f in files], project.id)
    return Case(line, project, tuple(files), tuple(findings))


def after(conn: Connection, line: CaseLine, now: datetime, *, mine: str) -> int | None:
    """The case to look at after this one: the next open one by score that nobody but `mine` works on, else the first."""
    c = case_table.c
    lapsed = or_(c.claimed_at < now - CLAIM_LASTS, c.claimed_at > now + CLAIM_LASTS)
    free = or_(c.claimed_by.is_(None), c.claimed_by == mine, lapsed)
    query = select(c.id).where(c.state == "open", c.id != line.id, free).order_by(c.score.desc(), c.id).limit(1)
    behind = or_(c.score < line.score, and_(c.score == line.score, c.id > line.id))
    found = conn.execute(query.where(behind)).scalar_one_or_none()
    return found if found is not None else conn.execute(query).scalar_one_or_none()


def count_open(conn: Connection) -> int:
    """How many cases are open."""
    return conn.execute(select(func.count()).where(case_table.c.state == "open")).scalar_one()


def _heads() -> Any:
    c, p = case_table.c, project_table.c
    columns = (c.id, c.project_id, p.key, p.name, c.state, c.score, c.headline, c.opened_at, c.closed_at)
    campaign = func.coalesce(c.campaign_id, c.id).label("campaign_id")
    return select(*columns, c.claimed_by, c.claimed_at, campaign).join(project_table, p.id == c.project_id)


def _whole(conn: Connection, rows: Sequence[Any]) -> list[CaseLine]:
    """Lines with what their files say: counted for these rows only, not for all that were sorted."""
    f = file_table.c
    query = select(f.case_id, f.state, f.uploader_id, func.count()).where(f.case_id.in_([row.id for row in rows]))
    files: dict[int, list[tuple[str, str, int]]] = {}
    for case_id, state, uploader, count in conn.execute(query.group_by(f.case_id, f.state, f.uploader_id)):
        files.setdefault(case_id, []).append((state, uploader, count))
    withdrawn = withdrawn_checks(conn)
    return [_line(row, files.get(row.id, []), withdrawn) for row in rows]


def _line(row: Any, files: list[tuple[str, str, int]], withdrawn: frozenset[str]) -> CaseLine:
    total = sum(count for _, _, count in files)
    waiting = sum(count for state, _, count in files if state == FileState.HELD)
    uploaders = tuple(sorted({uploader for _, uploader, _ in files if uploader}))
    return CaseLine(
        row.id,
        row.project_id,
        row.key,
        row.name,
        row.state,
        row.score,
        shown_headline(row.headline, withdrawn),
        row.opened_at,
        row.closed_at,
        total,
        waiting,
        row.campaign_id,
        uploaders,
        row.claimed_by,
        row.claimed_at,
    )


def _files(conn: Connection, case_id: int) -> list[CaseFile]:
    rows = conn.execute(
        select(*read.FILE_COLUMNS)
        .select_from(read.FILES)
        .where(file_table.c.case_id == case_id)
        .order_by(file_table.c.uploaded_at, file_table.c.filename)
    )
    files = [read.as_file(row) for row in rows]
    ids = [f.id for f in files]
    judged, decided = _judged(conn, ids), newest(conn, ids)
    return [CaseFile(f, judged.get(f.id), decided.get(f.id)) for f in files]


def _judged(conn: Connection, file_ids: list[str]) -> dict[str, Judged]:
    v = verdict_table.c
    last = [select(func.max(v.id)).where(v.file_id.in_(some)).group_by(v.file_id) for some in parts(file_ids)]
    withdrawn = withdrawn_checks(conn)
    return {
        row.file_id: Judged(
            Verdict(row.verdict),
            row.score,
            shown_terms(((str(term), float(weight)) for term, weight in row.terms), withdrawn),
            row.rules,
            row.sandbox,
            tuple(str(u) for u in row.unread),
            row.created_at,
        )
        for some in last
        for row in conn.execute(select(verdict_table).where(v.id.in_(some)))
    }
