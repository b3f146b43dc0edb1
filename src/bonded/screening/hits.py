"""How often a check finds something, from what screening stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from bonded.catalog.tables import file, finding, screening_run
from bonded.catalog.withdrawn import withdrawn_checks


@dataclass(frozen=True, slots=True)
class HitRate:
    """`screened` subjects that the check ran on, `hit` of them with a finding."""

    screened: int
    hit: int

    @property
    def share(self) -> float:
        return self.hit / self.screened if self.screened else 0.0


def hit_rate(conn: Connection, check: str, rules: str | None = None) -> HitRate:
    """Of all versions of the check, or of the one with these rules."""
    runs = select(screening_run.c.subject_kind, screening_run.c.subject_id).where(
        screening_run.c.check == check, screening_run.c.outcome == "ok"
    )
    found = select(finding.c.subject_kind, finding.c.subject_id).where(finding.c.check == check)
    if rules is not None:
        runs, found = runs.where(screening_run.c.rules == rules), found.where(finding.c.rules == rules)
    counts = [conn.scalar(select(func.count()).select_from(one.distinct().subquery())) or 0 for one in (runs, found)]
    return HitRate(counts[0], counts[1])


@dataclass(frozen=True, slots=True)
class Found:
    """One finding, wherever its file is by now. `filename` and `state` are "" for one that is not here any more; `case_id` is the
    file's case, open or closed."""

    at: datetime
    filename: str
    state: str
    case_id: int | None
    version: int
    severity: str
    confidence: float
    when: str
    path: str
    line: int
    message: str


def newest(conn: Connection, check: str, most: int) -> list[Found]:
    """What the check found last, of all its versions; [] for one that is wiped out: what it found is shown nowhere."""
    if check in withdrawn_checks(conn):
        return []
    c, f = finding.c, file.c
    what = (c.version, c.severity, c.confidence, c.run_when, c.path, c.line, c.message)
    query = (
        select(c.created_at, func.coalesce(f.filename, ""), func.coalesce(f.state, ""), f.case_id, *what)
        .select_from(finding.outerjoin(file, f.id == c.file_id))
        .where(c.check == check)
        .order_by(c.created_at.desc(), c.id.desc())
        .limit(most)
    )
    return [Found(*list(row)) for row in conn.execute(query)]
