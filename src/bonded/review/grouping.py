"""Which cases belong together: a job notes the marks of a case's files and joins the cases that share a telling one.

A campaign is named by the least number of its cases. Whoever joins cases holds one lock, so that two who find each other at
the same moment agree; it is taken before any case is locked, and nobody who decides about cases takes it.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from bonded.catalog.read import File
from bonded.catalog.tables import case as case_table
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import trait as trait_table
from bonded.db.among import parts
from bonded.db.engine import Tx
from bonded.db.jobs import Job
from bonded.db.worker import Effects
from bonded.review import compare
from bonded.review.cases import files_of_case
from bonded.review.compare_child import listing_call
from bonded.review.evidence import ranked, text_of
from bonded.review.settings import ReviewContext
from bonded.review.traits import ALIKE_FROM, GROUPING, Trait, members, traits
from bonded.seams import NotStored

QUEUE = "group"
LOCK = 7_402_118
"""Of the advisory lock on PostgreSQL; SQLite has one writer anyway."""
MOST_JOINED = 2000

log = structlog.get_logger("bonded.review")


def handle(context: ReviewContext, job: Job, now: datetime) -> Effects | None:
    """The job of one case. None when the case is gone. Raises StorageError: the job tries again."""
    with context.db.read() as conn:
        files = files_of_case(conn, int(job.payload["case_id"]))
        marks = {file.id: _marks(conn, file) for file in files}
        known = _listed(conn, list(marks))
        wanted = [
            pair for pair in compare.pairs(conn, files) if compare.comparison(conn, pair.old.id, pair.new.id) is None
        ]
    for file in files:
        if file.id not in known:
            marks[file.id] += _members(context, file)
    return partial(_apply, int(job.payload["case_id"]), marks, wanted, now) if files else None


def _marks(conn: Connection, file: File) -> list[Trait]:
    found = ranked(conn, [file.id], "")
    own = [one for one in found if one.file_id == file.id]
    return traits(
        file.uploader_id, [(one.finding, text_of(conn, one.evidence) if one.evidence else None) for one in own]
    )


def _listed(conn: Connection, file_ids: list[str]) -> set[str]:
    t = trait_table.c
    queries = (select(t.file_id).where(t.file_id.in_(some), t.kind == "member") for some in parts(file_ids))
    return {one for query in queries for one in conn.execute(query.distinct()).scalars()}


def _members(context: ReviewContext, file: File) -> list[Trait]:
    """Hashes of the archive's members, read in the sandbox; [] when it cannot be read: other marks still count."""
    try:
        with context.vault.open(file.vault_key) as stream:
            result = context.sandbox.run(
                listing_call,
                file.filename.encode(),
                cpu_seconds=context.cpu_seconds,
                memory_bytes=context.memory_bytes,
                attachment=stream,
            )
    except NotStored:
        return []
    if result.outcome != "ok":
        log.warning("members were not listed", file=file.id, outcome=result.outcome)
        return []
    return members((path, size, digest) for path, size, digest in orjson.loads(result.value)["members"])


def _apply(case_id: int, marks: dict[str, list[Trait]], wanted: list[compare.Pair], now: datetime, tx: Tx) -> None:
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    note(tx, marks)
    join(tx, case_id, list(marks))
    for pair in wanted:
        compare.ask(tx, pair.old.id, pair.new.id, now=now)


def note(tx: Tx, marks: dict[str, list[Trait]]) -> None:
    """Keep the marks of files, each once."""
    rows = [
        {"kind": one.kind, "value": one.value, "file_id": file_id, "note": one.note[:500]}
        for file_id, found in marks.items()
        for one in found
    ]
    make: Any = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    if rows:
        tx.execute(make(trait_table).on_conflict_do_nothing(), rows)


def join(tx: Tx, case_id: int, file_ids: list[str]) -> int:
    """Join the case with those that share a mark that groups; returns the campaign's number."""
    found = _campaigns_near(tx, file_ids)
    c = case_table.c
    own = tx.execute(select(func.coalesce(c.campaign_id, c.id)).where(c.id == case_id)).scalar_one()
    least = min(found | {own})
    joined = sorted(found | {own, case_id})
    tx.execute(
        update(case_table)
        .where(or_(c.campaign_id.in_(joined), c.id.in_(joined)), c.campaign_id.is_distinct_from(least))
        .values(campaign_id=least)
    )
    return int(least)


def _campaigns_near(tx: Tx, file_ids: list[str]) -> set[int]:
    mine, theirs, f, c = trait_table.alias("mine"), trait_table.alias("theirs"), file_table.c, case_table.c
    same = (theirs.c.kind == mine.c.kind) & (theirs.c.value == mine.c.value) & (theirs.c.file_id != mine.c.file_id)
    shared = select(theirs.c.file_id).select_from(mine.join(theirs, same)).where(mine.c.file_id.in_(file_ids))
    plain = shared.where(mine.c.kind.in_([kind for kind in GROUPING if kind != "alike"]))
    alike = shared.where(mine.c.kind == "alike").group_by(mine.c.file_id, theirs.c.file_id)
    alike = alike.having(func.count() >= ALIKE_FROM)
    near = plain.union(alike).subquery()
    query = (
        select(func.coalesce(c.campaign_id, c.id))
        .distinct()
        .select_from(near.join(file_table, f.id == near.c.file_id).join(case_table, c.id == f.case_id))
        .limit(MOST_JOINED)
    )
    return {int(one) for one in tx.execute(query).scalars()}
