"""From the state of signing to alarms: what needs a person, and how urgently. Pure; every view of alarms comes from here.

The state also holds what other rooms leave in the database: jobs, the journal's seal, states of checks, verdicts, the feed of
known vulnerabilities. A stalled job is as bad for clients as a stalled publisher.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bonded.db.jobs import ENDLESS
from bonded.tuf.context import TufSettings
from bonded.tuf.renew import URGENT
from bonded.tuf.status_model import FeedStatus, RoleStatus, Status
from bonded.values.alarms import Alarm

OFFLINE_DAYS = (90, 30, 14, 7)
"""Days before the expiry of an offline role at which people are told, once each; and once more when it has expired."""
STALLED = (timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6))
"""How long the oldest change waits at each step."""
MANY = (1, 10, 100, 1000)
"""Numbers of dead jobs or parked changes at each step."""
OVERDUE = timedelta(minutes=1)
"""For jobs that withdraw bytes, purge caches and copy pages; they must run within seconds."""
OVERDUE_OTHERS = timedelta(minutes=15)
SEALED = timedelta(minutes=2)
CHANGE = (timedelta(days=1), timedelta(days=7))
"""How long a change of keys or bins stands at one step; each of its own waits is shorter."""
ENOUGH = 50
"""Verdicts of a day before a share of them means anything."""
UNREAD = (0.1, 0.3, 0.6)
"""Share of them on archives that could not be read wholly, at each step."""
FEED = (timedelta(0), timedelta(days=3), timedelta(days=14))
"""How long ago the last good import of known vulnerabilities was at each step, once one has failed."""
IMPORTING = timedelta(hours=1)
"""An import takes minutes; one of which nothing is known after this was killed with its worker."""
BEHIND = timedelta(minutes=1)
"""A store newer than the database for longer than a publication takes to settle."""
TARGETS_LIMIT = 5_000_000
"""Bytes of a bin that today's clients accept by default: python-tuf's `targets_max_length`, which no length in the snapshot lifts."""
LARGE = (0.5, 0.8)
"""Share of them in the longest bin at each step; what comes then is refused."""
LATE_BINS = URGENT / 2
"""Share of the lifetime left of the oldest bin; even a busy publisher renews it before."""


def alarms(found: Status, now: datetime) -> list[Alarm]:
    """Every alarm that is true at `now`, the critical ones first."""
    told = list(found.faults)
    for role in found.roles:
        told += _online(role, found.lifetime, now) if role.online else _offline(role, now)
    told += (
        _bins(found, now)
        + _lengths(found)
        + _rows(found, now)
        + _jobs(found, now)
        + _journal(found, now)
        + _change(found, now)
    )
    told += _checks(found) + (_feed(found.feed, now) if found.feed else [])
    return sorted(told, key=lambda alarm: (alarm.severity != "critical", alarm.key))


def _offline(role: RoleStatus, now: datetime) -> list[Alarm]:
    left = role.left(now)
    if left <= timedelta(0):
        return [_expired(role)]
    step = sum(left <= timedelta(days=days) for days in OFFLINE_DAYS)
    values = {"role": role.name, "days": str(left.days), "date": f"{role.expires:%Y-%m-%d}"}
    return [Alarm("offline-expires", _key(role), step, values)] if step else []


def _online(role: RoleStatus, lifetime: timedelta, now: datetime) -> list[Alarm]:
    left = role.left(now)
    if left <= timedelta(0):
        return [_expired(role)]
    step = sum(left < lifetime * share for share in (0.5, 0.25))
    return [Alarm("margin-low", _key(role), step, {"role": role.name, "time": _seconds(left)})] if step else []


def _expired(role: RoleStatus) -> Alarm:
    return Alarm("role-expired", _key(role), len(OFFLINE_DAYS) + 1, {"role": role.name})


def _key(role: RoleStatus) -> str:
    return f"expiry:{role.name}"


def _bins(found: Status, now: datetime) -> list[Alarm]:
    if found.bins_overdue:
        return [Alarm("bins-expired", "bins", 2, {"count": str(found.bins_overdue)})]
    first = found.next_bin_expiry
    if first is not None and first - now < (found.lifetime or TufSettings().lifetime) * LATE_BINS:
        return [Alarm("bins-late", "bins", 1, {"time": _seconds(first - now)})]
    return []


def _lengths(found: Status) -> list[Alarm]:
    values = {"size": str(found.longest_bin), "limit": str(TARGETS_LIMIT)}
    if found.longest_bin > TARGETS_LIMIT:
        return [Alarm("bins-refused", "bins-large", len(LARGE) + 1, values)]
    step = sum(found.longest_bin >= TARGETS_LIMIT * share for share in LARGE)
    return [Alarm("bins-large", "bins-large", step, values)] if step else []


def _rows(found: Status, now: datetime) -> list[Alarm]:
    told = []
    if found.oldest_row is not None:
        told += _step("publisher-stalled", now - found.oldest_row, STALLED, count=found.rows_waiting)
    told += _step("rows-parked", found.rows_parked, MANY, count=found.rows_parked)
    late = found.signed_at is None or now - found.signed_at > BEHIND
    if found.known_content is not None and found.content > found.known_content and late and not found.first:
        told.append(Alarm("database-behind", "database-behind", 1, {"live": str(found.live)}))
    return told


def _jobs(found: Status, now: datetime) -> list[Alarm]:
    told = []
    for queue in found.queues:
        limit = OVERDUE if queue.name in ENDLESS else OVERDUE_OTHERS
        if queue.oldest_due is not None:
            due = now - queue.oldest_due
            told += _step("job-overdue", due, (limit, limit * 12), subject=queue.name, queue=queue.name)
        told += _step("jobs-dead", queue.dead, MANY, subject=queue.name, queue=queue.name, count=queue.dead)
    return told


def _journal(found: Status, now: datetime) -> list[Alarm]:
    if found.oldest_unsealed is None:
        return []
    late = now - found.oldest_unsealed
    return _step("seal-late", late, (SEALED, SEALED * 30), count=found.rows_unsealed)


def _change(found: Status, now: datetime) -> list[Alarm]:
    change = found.change
    if change is None:
        return []
    return _step("change-stands", now - change.since, CHANGE, kind=change.kind, says=change.says)


def _checks(found: Status) -> list[Alarm]:
    """Checks that were sent back, and archives that screening cannot read."""
    told = [
        Alarm("check-demoted", f"check-demoted:{name}", 1, {"check": name, "reason": reason})
        for name, reason in found.demoted.items()
    ]
    if found.verdicts < ENOUGH:
        return told
    share = found.unread / found.verdicts
    return told + _step("unread-many", share, UNREAD, percent=round(100 * share), count=found.unread)


def _feed(feed: FeedStatus, now: datetime) -> list[Alarm]:
    """An import that failed, or was killed; else one that nobody tries, or a feed that nobody renews."""
    good = feed.imported_at
    if feed.problem or killed(feed.tried_at, good, now):
        return _step("feed-failed", now - min(good or now, now), FEED)
    if good is None:
        return []
    if feed.due is not None and now - feed.due >= max(feed.due - feed.tried_at, IMPORTING):
        return [_old(good)]
    if feed.newest is not None and feed.old_at is not None and now >= feed.old_at:
        return [_old(feed.newest)]
    return []


def killed(tried_at: datetime, imported_at: datetime | None, now: datetime) -> bool:
    """Whether the import that was begun last has not ended, and will not."""
    return (imported_at is None or imported_at < tried_at) and now - tried_at >= IMPORTING


def _old(known: datetime) -> Alarm:
    return Alarm("feed-old", "feed-old", 1, {"date": f"{known:%Y-%m-%d}"})


def _step(name: str, value: Any, limits: Sequence[Any], subject: str = "", **values: object) -> list[Alarm]:
    """The alarm, at the highest of `limits` that `value` has reached; none below the first."""
    step = sum(value >= limit for limit in limits)
    if not step:
        return []
    words = {place: str(word) for place, word in values.items()}
    if isinstance(value, timedelta):
        words["time"] = _seconds(value)
    return [Alarm(name, f"{name}:{subject}" if subject else name, step, words)]


def _seconds(time: timedelta) -> str:
    return str(max(0, int(time.total_seconds())))
