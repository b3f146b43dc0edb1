"""/healthz, /readyz and /metrics: for load balancers, supervisors and Prometheus; never cached."""

from __future__ import annotations

from datetime import datetime

import orjson
import structlog

from bonded.seams import StorageError
from bonded.serve.answers import Answer, head, plain
from bonded.serve.context import ServeContext
from bonded.serve.peers import Network, is_in
from bonded.serve.sources import Source
from bonded.telemetry import metrics
from bonded.telemetry.measures import TIMESTAMP_AGE, TIMESTAMP_LEFT
from bonded.telemetry.metrics import Level

PATHS = ("/healthz", "/readyz", "/metrics")
TEXT = "text/plain; version=0.0.4; charset=utf-8"

log = structlog.get_logger("bonded.serve")


def health() -> Answer:
    """The process answers; nothing else is said."""
    return plain(200, "ok")


def readiness(context: ServeContext, source: Source, address: str, allowed: tuple[Network, ...]) -> Answer:
    """200 when everything needed to do the work is there, else 503 with what is missing. Call in a thread.

    Alarms are told to those who may see figures, and change no status: a role that expires next week is no reason to send
    people elsewhere.
    """
    try:
        problems = list(context.ready())
    except Exception:
        log.exception("asking whether the server is ready failed")
        problems = ["the check itself failed; the cause is in the log"]
    problems += store_problems(source, context.clock())
    told: dict[str, object] = {"ready": not problems, "problems": problems}
    if is_in(address, allowed):
        told["alarms"] = _alarms(context)
    body = orjson.dumps(told) + b"\n"
    status = 503 if problems else 200
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Cache-Control": "no-store"}
    return Answer(status, head(status, headers), body)


def _alarms(context: ServeContext) -> list[str]:
    try:
        return list(context.alarms())
    except Exception:
        log.exception("asking for alarms failed")
        return ["alarms could not be read; the cause is in the log"]


def figures(context: ServeContext, source: Source, address: str, allowed: tuple[Network, ...]) -> Answer:
    """All figures of all processes, for those who may see them. Call in a thread."""
    if not is_in(address, allowed):
        return plain(403, "Forbidden: /metrics is open to the addresses in the settings of this server only")
    levels = [*_timestamp_levels(source, context.clock())]
    try:
        levels += context.levels()
    except Exception:
        log.exception("reading figures failed")
    body = metrics.render(levels)
    return Answer(
        200, head(200, {"Content-Type": TEXT, "Content-Length": str(len(body)), "Cache-Control": "no-store"}), body
    )


def store_problems(source: Source, now: datetime) -> list[str]:
    """What is wrong with the public store as seen from here, one sentence each."""
    try:
        expires = _expiry(source)
    except (OSError, StorageError):
        return ["the public store cannot be read"]
    if expires is None:
        return ["the public store has no readable timestamp.json"]
    if expires <= now:
        return ["timestamp.json has expired; the publisher or the refresher is not working"]
    return []


def _expiry(source: Source) -> datetime | None:
    found = source.find("metadata/timestamp.json")
    if found is None or found.data is None:
        return None
    try:
        text = orjson.loads(found.data)["signed"]["expires"]
        return datetime.fromisoformat(text)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _timestamp_levels(source: Source, now: datetime) -> list[Level]:
    try:
        found, expires = source.find("metadata/timestamp.json"), _expiry(source)
    except (OSError, StorageError):
        return []
    levels: list[Level] = []
    if found is not None and found.modified:
        levels.append((TIMESTAMP_AGE, {}, max(0.0, now.timestamp() - found.modified)))
    if expires is not None:
        levels.append((TIMESTAMP_LEFT, {}, (expires - now).total_seconds()))
    return levels
