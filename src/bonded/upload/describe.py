"""The `describe` job: what a release says of itself becomes what its page shows. Rendered once, in a sandbox, under limits.

The child that renders reads hostile text with three libraries; it has no network, no files, little time and little memory.
What it gives is judged by `values.prose.faults` before it is kept. Whatever goes wrong, the page shows the text as written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

import orjson
import structlog

from bonded.catalog.descriptions import QUEUE, Description, Outcome, Source, keep_description, outdated, source_of
from bonded.db.engine import Database, Tx
from bonded.db.jobs import Job, enqueue_all
from bonded.db.worker import Effects
from bonded.seams import Away, Sandbox
from bonded.upload.rendering import TEXT, kind_of, render_call
from bonded.values.prose import faults

RENDERER = 1
"""Raise it when the same text would be rendered otherwise: everything is rendered again, in the background."""
LONGEST = 500_000
"""Characters of a description that are rendered; a longer one is shown as text."""
AT_ONCE = 1000

log = structlog.get_logger("bonded.describe")


@dataclass(frozen=True, slots=True)
class DescribeContext:
    """What the job works with: limits of one child in seconds of processor time and bytes."""

    db: Database
    sandbox: Sandbox
    cpu_seconds: float = 10.0
    memory_bytes: int = 256 * 1024 * 1024


def handle(context: DescribeContext, job: Job, now: datetime) -> Effects | None:
    """Render the description of the release that the job names. None when the release is gone."""
    release_id = str(job.payload["release_id"])
    with context.db.read() as conn:
        source = source_of(conn, release_id)
    if source is None:
        return None
    made = rendered(context, source)
    log.info("described", release=release_id, outcome=made.outcome, kind=made.kind, reason=made.reason)
    return partial(_keep, release_id, source, made, now)


def _keep(release_id: str, source: Source, made: Description, now: datetime, tx: Tx) -> None:
    if source_of(tx, release_id) == source:  # else the release says something else now, and another job renders that
        keep_description(tx, release_id, made, renderer=RENDERER, now=now)


def rendered(context: DescribeContext, source: Source) -> Description:
    """`source` as a description. Never raises for what it says. Raises Away where the sandbox does not answer, which says nothing
    of the text: what failed is kept for good."""
    kind = kind_of(source.content_type)
    if not source.text.strip() or kind.media == TEXT:
        return Description(Outcome.TEXT, kind.media)
    if len(source.text) > LONGEST:
        return Description(Outcome.FAILED, kind.media, reason=f"it has more than {LONGEST} characters")
    text = source.text.encode("utf-8", "replace").decode()  # lone surrogates are no text that JSON could carry
    result = context.sandbox.run(
        render_call,
        orjson.dumps({"text": text, "media": kind.media, "variant": kind.variant}),
        cpu_seconds=context.cpu_seconds,
        memory_bytes=context.memory_bytes,
    )
    if result.away:
        raise Away(result.detail)
    html, reason = "", f"{result.outcome}: {result.detail}"[:300]
    if result.outcome == "ok":
        html, reason = _checked(result.value)
    if html:
        return Description(Outcome.RENDERED, kind.media, html)
    return Description(Outcome.FAILED, kind.media, reason=reason) if kind.stated else Description(Outcome.TEXT, TEXT)


def _checked(value: bytes) -> tuple[str, str]:
    """What the child gave, as (html, "") or ("", why not): it is not believed."""
    try:
        given = orjson.loads(value)
        html, reason = given["html"], given["reason"]
    except (ValueError, KeyError, TypeError):
        return "", "the renderer gave no answer"
    if not isinstance(html, str) or not isinstance(reason, str):
        return "", "the renderer gave no answer"
    wrong = faults(html) if html else reason or "nothing came out of it"
    return ("", wrong[:300]) if wrong else (html, "")


def refresh(db: Database, now: datetime) -> int:
    """Ask for descriptions that no renderer of this version has rendered, at most `AT_ONCE`; gives how many.

    Rows that an earlier version of the index made, and all after `RENDERER` was raised. Those that are asked for already stay.
    """
    with db.read() as conn:
        ids = outdated(conn, RENDERER, AT_ONCE)
    if ids:
        with db.write() as tx:
            enqueue_all(tx, QUEUE, [(f"{QUEUE}:{one}", {"release_id": one}) for one in ids], now=now)
    return len(ids)
