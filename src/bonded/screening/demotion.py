"""Sending a check that cries wolf back to evaluation, by its own record.

A check that is enabled, has enough decisions, and whose interval begins below its floor goes to `evaluation`; the journal, an
alarm and so a mail say it. Only a person brings it back, and from then on only later decisions count: it cannot flap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog

from bonded.checks.kit import Check
from bonded.checks.registry import discover
from bonded.db.engine import Database
from bonded.screening.precision import Precision, PrecisionSettings, observe, tally
from bonded.screening.states import CheckState, Origin, Standing, set_state, standings
from bonded.values.who import POLICY

log = structlog.get_logger("bonded.screening")


def demote(db: Database, settings: PrecisionSettings, now: datetime) -> list[str]:
    """Send back what must be; returns the names. Run now and then by any worker: of two, one finds it done."""
    since = settings.since(now)
    with db.read() as conn:
        known = standings(conn)
        found = tally(observe(conn, since), starts(known))
    wanted = failing(discover(), found, known, settings)
    return [one.check for one in wanted if _send_back(db, one, settings, now)]


def starts(known: Mapping[str, Standing]) -> dict[str, datetime]:
    """From when on decisions count for a check: since a person enabled it."""
    return {
        name: one.changed_at
        for name, one in known.items()
        if one.changed_at is not None and one.state is CheckState.ENABLED
    }


def failing(
    checks: Iterable[Check], found: Iterable[Precision], known: Mapping[str, Standing], settings: PrecisionSettings
) -> list[Precision]:
    """Records that send their check back: of the version that is installed, of a check that decides. Pure."""
    records = {(one.check, one.version): one for one in found}
    wanted = []
    for check in checks:
        one = records.get((check.name, check.version))
        standing = known.get(check.name)
        state = standing.state if standing else CheckState.EVALUATION if check.origin else CheckState.ENABLED
        if one is None or state is not CheckState.ENABLED or one.decisions < settings.least:
            continue
        if one.low < settings.floor_of(check.name):
            wanted.append(one)
    return wanted


def reason_of(one: Precision, floor: float) -> str:
    """Why, in a sentence."""
    return (
        f"reviewers confirmed {one.right} of {one.decisions}: its precision may be as low as {one.low:.0%}, "
        f"and its floor is {floor:.0%}"
    )


def _send_back(db: Database, one: Precision, settings: PrecisionSettings, now: datetime) -> bool:
    reason = reason_of(one, settings.floor_of(one.check))
    with db.write() as tx:
        standing = standings(tx).get(one.check)
        if standing is not None and standing.state is not CheckState.ENABLED:
            return False
        set_state(tx, POLICY, one.check, CheckState.EVALUATION, reason=reason, now=now, origin=Origin.PRECISION)
    log.warning("a check was sent back to evaluation", check=one.check, reason=reason)
    return True
