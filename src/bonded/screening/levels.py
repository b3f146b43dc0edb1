"""Figures of the checks that are read when somebody asks: states, precision, what backfills have left."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from bonded.checks.registry import discover
from bonded.screening.backfill import BackfillState
from bonded.screening.precision import PrecisionSettings, precision
from bonded.screening.states import CheckState, in_force, states
from bonded.screening.tables import backfill
from bonded.telemetry import measures as m
from bonded.telemetry.metrics import Level


def levels(
    conn: Connection, settings: PrecisionSettings, now: datetime, new: CheckState = CheckState.EVALUATION
) -> list[Level]:
    """Every figure; of precision, that of the installed versions for which anything was decided."""
    told: list[Level] = [
        (m.CHECK_STATE, {"check": name, "state": str(state)}, 1.0)
        for name, state in in_force(discover(), states(conn), new).items()
    ]
    installed = {(one.name, one.version) for one in discover()}
    for one in precision(conn, since=settings.since(now)):
        if (one.check, one.version) not in installed or one.share is None:
            continue
        label = {"check": one.check}
        told += [
            (m.CHECK_DECISIONS, label | {"result": "right"}, float(one.right)),
            (m.CHECK_DECISIONS, label | {"result": "wrong"}, float(one.wrong)),
            (m.CHECK_PRECISION, label | {"bound": "share"}, one.share),
            (m.CHECK_PRECISION, label | {"bound": "low"}, one.low),
            (m.CHECK_PRECISION, label | {"bound": "high"}, one.high),
        ]
    running = backfill.c.state == BackfillState.RUNNING
    left = conn.execute(select(func.sum(backfill.c.total - backfill.c.done)).where(running)).scalar_one()
    return [*told, (m.BACKFILL_LEFT, {}, float(max(0, left or 0)))]
