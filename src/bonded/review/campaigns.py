"""Campaigns in the queue: open cases that share something telling, and what it is. Reads only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from bonded.catalog.tables import case as case_table
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import trait as trait_table
from bonded.catalog.withdrawn import shown_headline, withdrawn_checks
from bonded.review.traits import GROUPING

MOST_SHARED = 12


@dataclass(frozen=True, slots=True)
class Shared:
    """Something that `cases` cases of a campaign share; `note` is where it was seen. For `alike` the value says nothing."""

    kind: str
    value: str
    note: str
    cases: int


@dataclass(frozen=True, slots=True)
class Campaign:
    """One line of the queue by campaign: its open cases together."""

    id: int
    cases: int
    projects: int
    score: float
    opened_at: datetime
    headline: str
    shared: tuple[Shared, ...]


Cursor = tuple[float, int]


def campaigns(
    conn: Connection, *, after: Cursor | None = None, limit: int = 50
) -> tuple[list[Campaign], Cursor | None]:
    """One page of campaigns with open cases, those of one case included, the highest score first; and the next cursor."""
    c = case_table.c
    number, score = func.coalesce(c.campaign_id, c.id), func.max(c.score)
    query = (
        select(number.label("id"), func.count(), func.count(c.project_id.distinct()), score, func.min(c.opened_at))
        .where(c.state == "open")
        .group_by(number)
        .order_by(score.desc(), number)
    )
    if after is not None:
        query = query.having(or_(score < after[0], and_(score == after[0], number > after[1])))
    rows = conn.execute(query.limit(limit + 1)).all()
    ids = [row.id for row in rows[:limit]]
    headlines, common = _headlines(conn, ids), shared(conn, [row[0] for row in rows[:limit] if row[1] > 1])
    found = [
        Campaign(row[0], row[1], row[2], row[3], row[4], headlines.get(row[0], ""), tuple(common.get(row[0], ())))
        for row in rows[:limit]
    ]
    return found, (found[-1].score, found[-1].id) if len(rows) > limit else None


def shared(conn: Connection, ids: Collection[int]) -> dict[int, list[Shared]]:
    """Campaign -> what at least two of its cases share, the most shared first; at most MOST_SHARED each."""
    t, f, c = trait_table.c, file_table.c, case_table.c
    count = func.count(c.id.distinct())
    query = (
        select(c.campaign_id, t.kind, t.value, func.min(t.note), count)
        .select_from(case_table.join(file_table, f.case_id == c.id).join(trait_table, t.file_id == f.id))
        .where(c.campaign_id.in_(sorted(ids)), t.kind.in_(GROUPING))
        .group_by(c.campaign_id, t.kind, t.value)
        .having(count > 1)
        .order_by(count.desc(), t.kind, t.value)
    )
    found: dict[int, list[Shared]] = {}
    for campaign, kind, value, note, cases in conn.execute(query):
        some = found.setdefault(campaign, [])
        if len(some) < MOST_SHARED and not (kind == "alike" and any(one.kind == "alike" for one in some)):
            some.append(Shared(kind, value, note, cases))
    return found


def _headlines(conn: Connection, ids: list[int]) -> dict[int, str]:
    """Campaign -> the headline of its gravest open case."""
    c = case_table.c
    number = func.coalesce(c.campaign_id, c.id)
    rank = func.row_number().over(partition_by=number, order_by=(c.score.desc(), c.id)).label("rank")
    mine = or_(c.campaign_id.in_(ids), c.id.in_(ids))
    ranked = select(number.label("id"), c.headline, rank).where(c.state == "open", mine).subquery()
    withdrawn = withdrawn_checks(conn)
    rows = conn.execute(select(ranked.c.id, ranked.c.headline).where(ranked.c.rank == 1))
    return {row.id: shown_headline(row.headline, withdrawn) for row in rows}
