"""What a screening reads of the database does not grow with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bonded.catalog.tables import CLAIMING
from bonded.screening.history import _FACTOR
from bonded.screening.precision import CLAIMS, precision
from bonded.screening.selection import Selection, page
from bonded.screening.service import _waiting
from bonded.values.finding import When
from tests.screening.conftest import HOSTILE
from tests.screening.index import Index
from tests.support.plans import whole_tables


def test_a_screening_reads_no_table_whole(small: Index) -> None:
    small.screened("first")
    small.screened("bad", HOSTILE)
    with whole_tables() as found:
        small.screened("first", version="1.1")
        small.screened("second")
        small.screened("bad", HOSTILE, version="1.1")
    assert found == []


def test_rows_that_say_something_are_found_without_the_others(small: Index) -> None:
    """By partial indexes, which are used only by statements that repeat their words."""
    assert f"severity IN {tuple(map(str, CLAIMS))} AND run_when <> '{When.NEVER}'" == CLAIMING
    asked: list[tuple[str, str]] = []

    def look(_conn: object, cursor: Any, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("SELECT"):
            plan = cursor.connection.cursor().execute("EXPLAIN QUERY PLAN " + statement, parameters).fetchall()
            asked.extend((statement, row[3]) for row in plan)

    small.screened("first")
    event.listen(Engine, "before_cursor_execute", look)
    try:
        with small.db.read() as conn:
            precision(conn, since=small.now - timedelta(days=90))
            conn.execute(_FACTOR, {"user": "x", "until": small.now})
            conn.execute(_waiting("x"))
    finally:
        event.remove(Engine, "before_cursor_execute", look)
    used = " ".join(plan for _, plan in asked)
    for name in ("ix_finding_claim", "ix_journal_factor_removed", "ix_submission_queued"):
        assert name in used, asked
    assert not [one for one in asked if one[1].startswith("SCAN finding") and "ix_finding_claim" not in one[1]]


@pytest.mark.parametrize(
    "wanted", [Selection(), Selection(newest=True), Selection(first=True), Selection(dormant_days=9)]
)
def test_a_part_of_a_backfill_reads_its_own_files(small: Index, wanted: Selection) -> None:
    """By their ids: nearly all files are in one state, and each part would read and sort them all."""
    small.screened("first")
    with whole_tables() as found, small.db.read() as conn:
        assert len(page(conn, wanted, [], before=small.now, after="", limit=25)) <= 1
    assert found == []
