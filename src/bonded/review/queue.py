"""The queue of cases, and one case with its files, verdicts and ranked evidence. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from bonded.catalog import read
from bonded.catalog.tables import case as case_table
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.catalog.tables import verdict as verdict_table
from bonded.catalog.withdrawn import shown_headline, shown_terms, withdrawn_checks
from bonded.review.decisions import Decided, newest, settled
from bonded.review.evidence import Evidence, ranked
from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState, Verdict

NO_SUCH_CASE = define("no-such-case", 404, "No such case", "There is no review case of this number.")


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One line of the queue. `waiting`: held files; `files`: all files of the case."""

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


Cursor = tuple[float, int]
"""Score and id of the last line of a page."""


def cases(
    conn: Connection,
    *,
    state: str = "open",
    project: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> tuple[list[CaseLine], Cursor | None]:
    """One page of cases, the highest score first and the oldest first among equals; and the cursor of the next page.

    `state` is "open" or "closed", `project` a normalized name.
    """
    query = _lines().where(case_table.c.state == state)
    if project is not None:
        query = query.where(project_table.c.key == project)
    if after is not None:
        score, case_id = after
        query = query.where(
            or_(case_table.c.score < score, and_(case_table.c.score == score, case_table.c.id > case_id))
        )
    rows = conn.execute(query.order_by(case_table.c.score.desc(), case_table.c.id).limit(limit + 1)).all()
    withdrawn = withdrawn_checks(conn)
    lines = [_line(row, withdrawn) for row in rows[:limit]]
    return lines, (lines[-1].score, lines[-1].id) if len(rows) > limit else None


def case(conn: Connection, case_id: int) -> Case:
    """The case with everything in it. Raises Refusal (no-such-case)."""
    row = conn.execute(_lines().where(case_table.c.id == case_id)).one_or_none()
    if row is None:
        raise Refusal(NO_SUCH_CASE, f"there is no case {case_id}")
    line = _line(row, withdrawn_checks(conn))
    project = read.project_by_id(conn, line.project_id)
    assert project is not None  # a foreign key says so
    files = _files(conn, case_id)
    findings = ranked(conn, [f.file.id for f in files], project.id)
    return Case(line, project, tuple(files), tuple(findings))


def _line(row: Any, withdrawn: frozenset[str]) -> CaseLine:
    line = CaseLine(*row)
    return replace(line, headline=shown_headline(line.headline, withdrawn))


def count_open(conn: Connection) -> int:
    """How many cases are open."""
    return conn.execute(select(func.count()).where(case_table.c.state == "open")).scalar_one()


def _lines() -> Any:
    held = select(func.count()).where(file_table.c.case_id == case_table.c.id)
    waiting = held.where(file_table.c.state == FileState.HELD).scalar_subquery()
    c, p = case_table.c, project_table.c
    columns = (c.id, c.project_id, p.key, p.name, c.state, c.score, c.headline, c.opened_at, c.closed_at)
    return select(*columns, held.scalar_subquery(), waiting).join(project_table, p.id == c.project_id)


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
    last = select(func.max(v.id)).where(v.file_id.in_(file_ids)).group_by(v.file_id)
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
        for row in conn.execute(select(verdict_table).where(v.id.in_(last)))
    }
