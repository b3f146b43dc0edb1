"""Every figure that /metrics shows, declared once: name, kind, labels, meaning. Nothing is counted that is not here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Kinds of measures."""

    COUNTER = "counter"
    """Only rises; summed over processes."""
    LEVEL = "level"
    """Goes up and down; summed over the processes that are alive."""
    TIMES = "times"
    """A histogram of seconds."""
    SIZES = "sizes"
    """A histogram of whole numbers."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. `labels` are the names of its dimensions, each with few values (never a project, user or path)."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the buckets of histograms of seconds."""
COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""The same of histograms of whole numbers."""

ALL: dict[str, Measure] = {}


def _declare(name: str, kind: Kind, help: str, *labels: str) -> Measure:
    assert name not in ALL, f"{name} is declared twice"
    ALL[name] = Measure(name, kind, help, labels)
    return ALL[name]


_C, _L, _T, _S = Kind.COUNTER, Kind.LEVEL, Kind.TIMES, Kind.SIZES

REQUESTS = _declare("bonded_http_requests", _C, "Requests answered, by lane and status", "lane", "status")
SENT = _declare("bonded_http_sent_bytes", _C, "Bytes of response bodies sent by the static lane", "lane")
SECONDS_TAKEN = _declare("bonded_http_seconds", _T, "From the head of a request to the end of its answer", "lane")
CONNECTIONS = _declare("bonded_http_connections", _L, "Open connections")
WAITING = _declare("bonded_http_waiting", _L, "Requests waiting for a thread of the web application")
UPLOADS_RUNNING = _declare("bonded_uploads_running", _L, "Uploads being received")
UPLOADED = _declare("bonded_uploaded_bytes", _C, "Bytes of upload bodies received")
CUT_OFF = _declare(
    "bonded_http_cut_off",
    _C,
    "Connections ended because the client was too slow, or idle when others needed the room",
    "why",
)
RESTARTS = _declare("bonded_process_restarts", _C, "Processes of the group started again after they ended", "process")
TIMESTAMP_AGE = _declare("bonded_timestamp_age_seconds", _L, "Seconds since timestamp.json was written")
TIMESTAMP_LEFT = _declare("bonded_timestamp_left_seconds", _L, "Seconds until timestamp.json expires")
PUBLICATION = _declare("bonded_publication_number", _L, "Number of the publication that is live")
JOBS_WAITING = _declare("bonded_jobs_waiting", _L, "Jobs that wait or run", "queue")
JOBS_DEAD = _declare("bonded_jobs_dead", _L, "Jobs given up, waiting for a person", "queue")
PURGES = _declare("bonded_purges", _C, "Purges of caches, by whether every cache confirmed", "result")
PURGE_SECONDS = _declare("bonded_purge_seconds", _T, "From the start of a purge until every cache showed nothing old")
SIGNER_UNUSABLE = _declare(
    "bonded_signer_unusable", _C, "Times that nothing was signed because the key could not be used"
)
JOBS_OLDEST = _declare("bonded_jobs_oldest_due_seconds", _L, "Seconds that the oldest living job has been due", "queue")
JOBS_LAG = _declare("bonded_jobs_lag_seconds", _L, "Seconds since the oldest job that is due was made", "queue")
ROWS_WAITING = _declare("bonded_publication_rows_waiting", _L, "Changes accepted and not yet published")
ROWS_OLDEST = _declare("bonded_publication_oldest_row_seconds", _L, "Seconds that the oldest of these has waited")
ROWS_PARKED = _declare("bonded_publication_rows_parked", _L, "Changes that failed alone and are set aside")
PUBLICATIONS = _declare("bonded_publications", _C, "Publications tried, by how they ended", "result")
LATENCY = _declare(
    "bonded_publication_latency_seconds", _T, "From the answer to an upload until clients can see the file"
)
CHANGE_LATENCY = _declare(
    "bonded_publication_change_latency_seconds", _T, "From any recorded change until clients can see it"
)
BATCH = _declare("bonded_publication_batch_changes", _S, "Changes that became visible with one publication")
STEP_SECONDS = _declare("bonded_publication_step_seconds", _T, "Time of each step of a publication", "step")
ROLE_LEFT = _declare("bonded_role_left_seconds", _L, "Seconds until the role expires", "role", "where")
BINS = _declare("bonded_bins", _L, "Signed bins")
BINS_LEFT = _declare("bonded_bins_left_seconds", _L, "Seconds until the first signed bin expires")
BINS_EXPIRED = _declare("bonded_bins_expired", _L, "Signed bins that have expired")
SNAPSHOT_BYTES = _declare("bonded_snapshot_bytes", _L, "Length of the live snapshot, not compressed")
SWEPT = _declare("bonded_sweep_deleted", _C, "Objects that the sweep deleted from the public store")
SWEEP_WAITING = _declare("bonded_sweep_waiting", _L, "Superseded objects that wait for the end of their grace")
SWEEP_OLDEST = _declare("bonded_sweep_oldest_seconds", _L, "Seconds since the oldest of these was superseded")
UNSEALED = _declare("bonded_journal_unsealed", _L, "Rows of the journal that are not sealed yet")
SEAL_LAG = _declare("bonded_journal_seal_lag_seconds", _L, "Seconds that the oldest of these has waited")
VERDICT_LATENCY = _declare("bonded_verdict_latency_seconds", _T, "From an upload until its first verdict is stored")
VERDICTS = _declare("bonded_verdicts", _C, "Verdicts stored, those of backfills that decide included", "verdict")
UNREAD = _declare("bonded_verdicts_unread", _C, "Verdicts on archives of which a part could not be read")
CHECK_SECONDS = _declare("bonded_check_seconds", _T, "Processor time of one check on one file", "check")
CHECK_HITS = _declare("bonded_check_hits", _C, "Files on which a check found something", "check", "state")
CHECK_FAILURES = _declare(
    "bonded_check_failures", _C, "Times that a check crashed or went over a limit", "check", "outcome"
)
CHECK_STATE = _declare("bonded_check_state", _L, "The state that a check is in is 1", "check", "state")
CHECK_DECISIONS = _declare(
    "bonded_check_decisions", _L, "Reviewers' decisions about what a check found, in the window", "check", "result"
)
CHECK_PRECISION = _declare(
    "bonded_check_precision",
    _L,
    "Share of a check's findings that reviewers confirmed, with its interval",
    "check",
    "bound",
)
CHECKS_REFUSED = _declare(
    "bonded_checks_refused", _C, "Outside checks and rules that could not be used when they were loaded"
)
BACKFILL_FILES = _declare("bonded_backfill_files", _C, "Files done by backfills")
BACKFILL_LEFT = _declare("bonded_backfill_left_files", _L, "Files that running backfills have not done")
ALARMS = _declare("bonded_alarms", _L, "Alarms that stand, by kind", "kind", "severity")
WORKERS = _declare("bonded_workers", _L, "Threads of workers that are alive, by lane and engine", "lane", "engine")
WORKERS_BUSY = _declare("bonded_workers_busy", _L, "Those of them that have a job", "lane", "engine")
WORKERS_SILENT = _declare("bonded_workers_silent", _L, "Workers that died or stalled within the last hour", "lane")
BROKER_UP = _declare("bonded_broker_up", _L, "Whether a worker reaches the broker: 1 or 0; nothing without a broker")
BROKER_MESSAGES = _declare("bonded_broker_messages", _L, "Messages that wait at the broker", "queue")
