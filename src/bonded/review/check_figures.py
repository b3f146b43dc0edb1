"""How often a check finds something and what it costs, over its newest runs only: so that it stays quick on a large index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from bonded.catalog.tables import finding, screening_run

NEWEST = 2000
"""Runs of each check that count."""


@dataclass(frozen=True, slots=True)
class Figures:
    """`runs` looked at, `hits` of them with a finding, `failed` without an answer; `seconds` of processor time for one."""

    runs: int
    hits: int
    failed: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.hits / self.runs if self.runs else 0.0


def figures(conn: Connection, names: Iterable[str]) -> dict[str, Figures]:
    """The figures of each check."""
    return {name: _figures(conn, name) for name in names}


def _figures(conn: Connection, name: str) -> Figures:
    r, f = screening_run.c, finding.c
    newest = (
        select(r.subject_kind, r.subject_id, r.rules, r.outcome, r.cpu_seconds)
        .where(r.check == name)
        .order_by(r.created_at.desc())
        .limit(NEWEST)
        .subquery()
    )
    n = newest.c
    hit = select(f.id).where(f.subject_kind == n.subject_kind, f.subject_id == n.subject_id, f.check == name)
    hits = select(func.count()).select_from(newest).where(hit.where(f.rules == n.rules).exists()).scalar_subquery()
    ok = select(func.count()).select_from(newest).where(n.outcome == "ok").scalar_subquery()
    row = conn.execute(select(func.count(), hits, ok, func.coalesce(func.avg(n.cpu_seconds), 0.0))).one()
    return Figures(row[0], row[1], row[0] - row[2], float(row[3]))
