"""What the clock and administrators do with requests of those who lost their second factors."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from bonded.accounts import recovery, sessions
from bonded.accounts.people import by_id, check_reason
from bonded.accounts.recovery_request import (
    EVIDENCE_WITHIN,
    RECOVERY_EARLY,
    RECOVERY_OVER,
    LostFactors,
    State,
    end,
    find,
    write,
)
from bonded.accounts.recovery_tables import recovery_request as table
from bonded.accounts.tables import factor
from bonded.db.engine import Tx
from bonded.values.refusals import Refusal, define
from bonded.values.who import POLICY, Actor

DAILY = timedelta(days=1)

OTHER_ADMINISTRATOR = define(
    "other-administrator",
    403,
    "Another administrator has to decide too",
    "Two different administrators agree to a recovery, and neither of them to their own. Ask a colleague to look at the request.",
)


def round_of(tx: Tx, *, now: datetime) -> int:
    """What is due: daily notices, the end of waiting, reminders, requests without evidence. Returns how many. Run it hourly."""
    rows = tx.execute(select(table.c.id).where(table.c.ended_at.is_(None)).order_by(table.c.id)).scalars().all()
    return sum(_due(tx, request_id, now) for request_id in rows)


def agree(tx: Tx, who: Actor, request_id: int, *, reason: str, now: datetime) -> bool:
    """One administrator agrees; returns whether it was the second, so that the factors are gone now.

    Raises Refusal (recovery-over, recovery-early, other-administrator, account-reason-needed).
    """
    words, found = check_reason(reason), _decidable(tx, request_id)
    if who.user_id == found.user_id:
        raise Refusal(OTHER_ADMINISTRATOR, "another administrator has to decide about your account")
    ready = (table.c.id == request_id) & (table.c.state == State.READY)
    first = update(table).where(ready, table.c.first_by.is_(None)).values(first_by=who.user_id, first_at=now)
    if tx.execute(first).rowcount == 1:
        write(tx, "recovery.agree", who, found, now, {"reason": words, "agreed": 1})
        return False
    second = update(table).where(ready, table.c.first_by != who.user_id)
    if tx.execute(second.values(second_by=who.user_id, state=State.DONE, ended_at=now)).rowcount != 1:
        _decidable(tx, request_id)
        raise Refusal(OTHER_ADMINISTRATOR, "you agreed already; another administrator has to as well")
    write(tx, "recovery.agree", who, found, now, {"reason": words, "agreed": 2})
    _reset(tx, found, now)
    return True


def refuse(tx: Tx, who: Actor, request_id: int, *, reason: str, now: datetime) -> None:
    """An administrator refuses; the person is told why. Raises Refusal (recovery-over, account-reason-needed)."""
    words, found = check_reason(reason), find(tx, request_id)
    if found is None:
        raise Refusal(RECOVERY_OVER, "there is no such request")
    end(tx, found, State.REFUSED, now)
    write(tx, "recovery.refuse", who, found, now, {"reason": words})


def _decidable(tx: Tx, request_id: int) -> LostFactors:
    found = find(tx, request_id)
    if found is None or found.ended_at is not None:
        raise Refusal(RECOVERY_OVER, "this request is over")
    if found.state is not State.READY:
        raise Refusal(RECOVERY_EARLY, "the waiting time is not over")
    return found


def _reset(tx: Tx, found: LostFactors, now: datetime) -> None:
    """All second factors go, and every session. Password and tokens stay: they are not what was lost."""
    removed = tx.execute(delete(factor).where(factor.c.user_id == found.user_id)).rowcount
    recovery.forget(tx, found.user_id)
    ended = sessions.end_all(tx, found.user_id, keep=None)
    write(tx, "recovery.reset", POLICY, found, now, {"factors_removed": removed, "sessions_ended": ended})


def _due(tx: Tx, request_id: int, now: datetime) -> bool:
    """Do what is due for one request, if anything; each step is taken by one worker only."""
    found = find(tx, request_id)
    if found is None or found.ended_at is not None:
        return False
    person = by_id(tx, found.user_id)
    lapsed = found.state is State.ASKED and now >= found.asked_at + EVIDENCE_WITHIN
    if lapsed or person is None or not person.active:
        end(tx, found, State.EXPIRED, now)
        write(tx, "recovery.expire", POLICY, found, now)
        return True
    if found.state is State.WAITING and found.waits_until is not None and now >= found.waits_until:
        return _tell(tx, found, "recovery.ready", {"state": State.READY, "ready_at": now}, now)
    if found.state is State.WAITING and found.waits_until is not None:
        facts = {"until": found.waits_until.isoformat()}
        return _told_long_ago(tx, found, now) and _tell(tx, found, "recovery.notice", {}, now, facts)
    return found.overdue(now) and _told_long_ago(tx, found, now) and _tell(tx, found, "recovery.overdue", {}, now)


def _told_long_ago(tx: Tx, found: LostFactors, now: datetime) -> bool:
    told = tx.execute(select(table.c.told_at).where(table.c.id == found.id)).scalar_one()
    return told is None or now - told >= DAILY


def _tell(
    tx: Tx,
    found: LostFactors,
    action: str,
    values: dict[str, object],
    now: datetime,
    facts: dict[str, str] | None = None,
) -> bool:
    mine = (table.c.id == found.id) & (table.c.state == found.state)
    if tx.execute(update(table).where(mine).values(values | {"told_at": now})).rowcount != 1:
        return False
    write(tx, action, POLICY, found, now, facts)
    return True
