"""The job of one submission: fetch it where it was given by address, screen it, keep the verdict, let the archive go."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import unquote, urljoin, urlsplit

import structlog
from sqlalchemy import select, text

from bonded.checks.registry import discover, rules_hash
from bonded.db.engine import Tx
from bonded.db.jobs import Job
from bonded.db.jobs import job as job_table
from bonded.db.worker import Effects
from bonded.facts.metadata import project_of_filename
from bonded.screening import outbound
from bonded.screening.outbound import ADDRESS_REFUSED, Unreachable
from bonded.screening.policy import decide
from bonded.screening.report import Scanned, as_object, printable
from bonded.screening.run import scan
from bonded.screening.service import QUEUE, ServiceLimits, ended, shown
from bonded.screening.service_tables import submission
from bonded.screening.settings import ScreeningContext
from bonded.screening.webhooks import announce
from bonded.values.refusals import Refusal

MOST_REDIRECTS = 3
LAST_ATTEMPT = 4
"""After so many attempts an address that does not answer is a failed submission, not a dead job."""

log = structlog.get_logger("bonded.screening")


@dataclass(frozen=True, slots=True)
class SubmissionContext:
    """What the job works with. `spool` is a folder for archives while they are judged."""

    screening: ScreeningContext
    limits: ServiceLimits
    spool: Path


class Failed(Exception):
    """The submission cannot be judged, and trying again would not help. `code` and one sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def handle(context: SubmissionContext, job: Job, now: datetime) -> Effects | None:
    """Judge the submission that the job names, or let an archive go. Raises StorageError, Unreachable: tried again."""
    if "vault_key" in job.payload:
        context.screening.vault.delete(str(job.payload["vault_key"]))
        return None
    with context.screening.db.read() as conn:
        mine = submission.c.id == str(job.payload["submission_id"])
        row = conn.execute(select(submission).where(mine, submission.c.state == "queued")).one_or_none()
    if row is None:
        return None
    try:
        with _archive(context, row, job) as (stream, sha256, size):
            values = _judged(context, row.filename, stream, sha256, now) | {"sha256": sha256, "size": size}
    except Failed as error:
        values = {"state": "failed", "error": {"code": error.code, "message": error.message}}
    log.info("submission ended", submission=row.id, state=values["state"], verdict=values.get("verdict"))
    return partial(_end, row, values, now)


def give_up(tx: Tx, *, now: datetime) -> None:
    """End the submissions whose job an operator discarded: nobody judges them any more, and whoever asked shall know.

    A job goes in the transaction that ends its submission, so one that waits without a job is one of these. A round of
    house-keeping.
    """
    waiting = select(job_table.c.key).where(job_table.c.queue == QUEUE)  # read once, and not for each submission
    dropped = (text("submission.state = 'queued'"), ("submission:" + submission.c.id).not_in(waiting))
    for row in tx.execute(select(submission).where(*dropped).with_for_update()).all():
        words = "the operator gave this submission up: it was not judged; submit it again"
        _end(row, {"state": "failed", "error": {"code": "not-judged", "message": words}}, now, tx)


def _end(row: Any, values: dict[str, Any], now: datetime, tx: Tx) -> None:
    ended(tx, row.id, values, row.vault_key, now=now)
    told = shown(dict(row._mapping) | values | {"done_at": now})
    announce(tx, "submission.judged", told, now=now)


def _judged(context: SubmissionContext, filename: str, stream: BinaryIO, sha256: str, now: datetime) -> dict[str, Any]:
    screening, checks = context.screening, discover()
    policy = screening.settings.policy
    result = scan(stream, filename, None, checks, screening.scanner)
    decision = decide(result.findings, policy.at(project_of_filename(filename), now))
    rules = rules_hash(checks, policy.fingerprint())
    told = printable(as_object(Scanned(filename, sha256, decision, result, rules)))
    return {"state": "done", "verdict": decision.verdict, "result": told, "rules": rules}


@contextmanager
def _archive(context: SubmissionContext, row: Any, job: Job) -> Iterator[tuple[BinaryIO, str, int]]:
    """The archive as a stream, its sha256 and its size."""
    if row.url is None:
        with context.screening.vault.open(row.vault_key) as stream:
            yield stream, row.sha256, row.size
        return
    with tempfile.TemporaryFile(dir=context.spool) as file:
        stream = cast("BinaryIO", file)  # whatever the platform wraps it in
        try:
            fetch(row.url, context.limits, stream)
        except Refusal as refusal:
            raise Failed(refusal.code, refusal.sentence) from None
        except Unreachable as error:
            if job.attempt < LAST_ATTEMPT:
                raise
            raise Failed("not-fetched", str(error)) from None
        size = stream.tell()
        stream.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        stream.seek(0)
        if row.sha256 and row.sha256 != sha256:
            raise Failed("other-bytes", f"what was fetched has the sha256 {sha256}")
        yield stream, sha256, size


def fetch(url: str, limits: ServiceLimits, into: BinaryIO, **more: Any) -> None:
    """Write what `url` answers to `into`. Each redirect is checked like the address itself.

    Raises Refusal (address-refused), Unreachable for errors of the other side that may pass, Failed for those that do not.
    """
    for _ in range(MOST_REDIRECTS + 1):
        into.seek(0)
        into.truncate()
        target = outbound.parse(url)
        answer = outbound.ask(
            "GET",
            target,
            limits.fetch,
            timeout=limits.fetch_timeout,
            headers={"User-Agent": "Bonded", "Accept": "*/*"},
            into=into,
            most=limits.max_file_bytes,
            **more,
        )
        if answer.status == 200:
            return
        if answer.status not in (301, 302, 303, 307, 308):
            kind: type[Exception] = Unreachable if answer.status >= 500 or answer.status == 429 else Failed
            words = f"{target.host} answered {answer.status}"
            raise Unreachable(words) if kind is Unreachable else Failed("not-fetched", words)
        url = _onward(url, answer.headers.get("location", ""))
    raise Failed("not-fetched", f"more than {MOST_REDIRECTS} redirects")


def _onward(url: str, location: str) -> str:
    """Where a redirect leads. Raises Refusal (address-refused)."""
    try:
        return urljoin(url, location)
    except ValueError:
        raise Refusal(ADDRESS_REFUSED, "the address cannot be read") from None


def name_of(url: str) -> str:
    """The file name at the end of an address. Raises Refusal (address-refused)."""
    try:
        return unquote(urlsplit(url).path.rpartition("/")[2])
    except ValueError:
        raise Refusal(ADDRESS_REFUSED, "the address cannot be read") from None
