"""How often a check finds something, from what screening stored."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from bonded.catalog.tables import finding, screening_run


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
