"""The state of signing as figures for /metrics: what expires when, what waits, what alarms. Pure.

These are read when somebody asks, by whichever process is asked, so there is one value of each however many run.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

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
    names = {queue.name for queue in found.queues} | {"mail", "plain", "purge", "screen", "takedown"}
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
