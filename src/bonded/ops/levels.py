"""The state of signing as figures for /metrics: what expires when, what waits, what alarms.

These are read when somebody asks, by whichever process is asked, so there is one value of each however many run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from bonded.db.engine import Database
from bonded.db.workers import Seen, workers
from bonded.telemetry import measures as m
from bonded.telemetry.metrics import Level
from bonded.tuf.status_model import Status


def levels(found: Status, now: datetime) -> list[Level]:
    """Every figure that `found` holds. What could not be read is left out rather than told as 0."""
    told = [*_alarms(found)]
    away = {fault.kind for fault in found.faults}
    if "store-unreadable" not in away:
        told += _store(found, now)
    if "database-away" not in away:
        told += _rows(found, now) + _queues(found, now)
    return told


def _alarms(found: Status) -> list[Level]:
    counts = Counter((alarm.kind, str(alarm.severity)) for alarm in found.alarms)
    return [(m.ALARMS, {"kind": kind, "severity": severity}, float(n)) for (kind, severity), n in counts.items()]


def _store(found: Status, now: datetime) -> list[Level]:
    where = {True: "online", False: "offline"}
    told: list[Level] = [
        (m.ROLE_LEFT, {"role": role.name, "where": where[role.online]}, role.left(now).total_seconds())
        for role in found.roles
    ]
    return [*told, (m.PUBLICATION, {}, float(found.live)), (m.SNAPSHOT_BYTES, {}, float(found.snapshot_bytes))]


def _rows(found: Status, now: datetime) -> list[Level]:
    told: list[Level] = [
        (m.ROWS_WAITING, {}, float(found.rows_waiting)),
        (m.ROWS_OLDEST, {}, _since(found.oldest_row, now)),
        (m.ROWS_PARKED, {}, float(found.rows_parked)),
        (m.BINS, {}, float(found.bins)),
        (m.BINS_EXPIRED, {}, float(found.bins_overdue)),
        (m.SWEEP_WAITING, {}, float(found.superseded)),
        (m.SWEEP_OLDEST, {}, _since(found.oldest_superseded, now)),
        (m.UNSEALED, {}, float(found.rows_unsealed)),
        (m.SEAL_LAG, {}, _since(found.oldest_unsealed, now)),
    ]
    if found.next_bin_expiry is not None:
        told.append((m.BINS_LEFT, {}, (found.next_bin_expiry - now).total_seconds()))
    return told


def _queues(found: Status, now: datetime) -> list[Level]:
    """Every queue that has jobs; those that signing depends on are told even when they are empty."""
    names = {queue.name for queue in found.queues} | {
        "compare",
        "describe",
        "group",
        "mail",
        "plain",
        "purge",
        "screen",
        "takedown",
    }
    told: list[Level] = []
    for queue in map(found.queue, sorted(names)):
        label = {"queue": queue.name}
        told += [
            (m.JOBS_WAITING, label, float(queue.waiting)),
            (m.JOBS_DEAD, label, float(queue.dead)),
            (m.JOBS_OLDEST, label, _since(queue.oldest_due, now)),
            (m.JOBS_LAG, label, _since(queue.oldest_made, now)),
        ]
    return told


def _since(at: datetime | None, now: datetime) -> float:
    return max(0.0, (now - at).total_seconds()) if at is not None else 0.0


def of_workers(db: Database, now: datetime) -> list[Level]:
    """Workers of all machines and what they say of the broker. Nothing while the database is away."""
    try:
        with db.read() as conn:
            found = workers(conn)
    except SQLAlchemyError:
        return []
    return told_by(found, now)


def told_by(found: Sequence[Seen], now: datetime) -> list[Level]:
    """The same of rows that were read. Pure."""
    threads: Counter[tuple[str, str]] = Counter()
    busy: Counter[tuple[str, str]] = Counter()
    silent: Counter[str] = Counter()
    keepers = [one for one in found if one.broker and one.alive(now)]
    for one in found:
        if one.alive(now):
            threads[one.lane, one.engine] += one.threads
            busy[one.lane, one.engine] += one.busy
        else:
            silent[one.lane] += 1
    told: list[Level] = []
    for (lane, engine), number in threads.items():
        label = {"lane": lane, "engine": engine}
        told += [(m.WORKERS, label, float(number)), (m.WORKERS_BUSY, label, float(busy[lane, engine]))]
    told += [(m.WORKERS_SILENT, {"lane": lane}, float(number)) for lane, number in silent.items()]
    return told + _broker(keepers)


def _broker(keepers: Sequence[Seen]) -> list[Level]:
    """The broker as the keeper saw it who looked last."""
    if not keepers:
        return []
    last = max(keepers, key=lambda one: one.seen_at).broker
    told: list[Level] = [(m.BROKER_UP, {}, 0.0 if last["away"] else 1.0)]
    return told + [(m.BROKER_MESSAGES, {"queue": queue}, float(n)) for queue, n in last["messages"].items()]
