"""The job of one part of a backfill: the sandboxed work on its files, then one transaction with everything it led to.

Findings are stored once per subject, check, version and rules, whoever ran the check first. Where one of the checks decides,
the file is judged anew as an upload would be; that opens cases where something new speaks against a file, and never makes
anything public. Only a backfill that was asked to act withdraws files, and none that people have decided about.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import delete, select, update

from bonded.catalog.change import move_file
from bonded.catalog.locks import lock_file, try_lock_project
from bonded.catalog.tables import screening_run
from bonded.checks.kit import Check
from bonded.checks.registry import discover, rules_of
from bonded.db.engine import Tx
from bonded.db.jobs import Job, enqueue
from bonded.db.worker import Effects
from bonded.screening import backfill
from bonded.screening.backfill import QUEUE, Backfill, BackfillState, feed, job_of
from bonded.screening.cases import people_decided, put_in_case
from bonded.screening.decision import counted, decision_of, worse
from bonded.screening.figures import note
from bonded.screening.given import Given, gather
from bonded.screening.job import HELD_WORDS, needs_archive, save_verdict, screened
from bonded.screening.policy import Decision
from bonded.screening.run import ScanResult, ToJudge, judge_many
from bonded.screening.selection import page
from bonded.screening.settings import ScreeningContext
from bonded.screening.states import RUNS, CheckState, in_force
from bonded.screening.store import Screened, newest_verdict, store_facts, store_runs
from bonded.screening.tables import backfill as table
from bonded.screening.tables import backfill_part as part_table
from bonded.seams import NotStored
from bonded.telemetry import measures as m
from bonded.telemetry.metrics import count
from bonded.values.finding import Finding
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, SubjectKind, Verdict
from bonded.values.who import POLICY

S = FileState
SECONDS = 10.0
"""After so long a part ends where it is, and the rest becomes a part of its own: stops are soon, and memory is bounded."""
BYTES = 64 * 1024 * 1024
"""The same for facts and evidence that wait to be written."""
log = structlog.get_logger("bonded.backfill")


@dataclass(frozen=True, slots=True)
class Planned:
    """One file that is to be worked on. `given` is None for one that is left alone; `decides`: one of the checks does."""

    file_id: str
    given: Given | None
    checks: tuple[Check, ...] = ()
    states: dict[str, CheckState] = field(default_factory=dict)
    decides: bool = False


@dataclass(frozen=True, slots=True)
class One:
    """One file of a part. `decision` is None where none of the checks decides."""

    done: Screened
    decision: Decision | None
    states: dict[str, CheckState]


@dataclass(slots=True)
class Work:
    """What a part has come to. `last` is the id of the last file that is in it."""

    number: int
    after: str
    upto: str
    last: str
    ones: list[One] = field(default_factory=list)
    files: int = 0
    skipped: int = 0
    failed: int = 0
    bytes: int = 0


def run_part(context: ScreeningContext, job: Job, now: datetime) -> Effects | None:
    """Work on the part that the job names. None when it is done, or its backfill does not run. Raises StorageError."""
    number, after, upto = int(job.payload["backfill"]), str(job.payload["after"]), str(job.payload["last"])
    with context.db.read() as conn:
        try:
            row = backfill.read(conn, number)
        except Refusal:
            return None
        mine = (part_table.c.backfill_id == number) & (part_table.c.last == upto) & (part_table.c.after == after)
        files = conn.execute(select(part_table.c.files).where(mine)).scalar_one_or_none()
        if row.state is not BackfillState.RUNNING or files is None:
            return None  # a paused one keeps its parts, and `resume` makes their jobs anew
        checks = [one for one in discover() if one.name in row.checks]
        ids = page(conn, row.selection, checks, before=row.started_at, after=after, last=upto)
    work = Work(number, after, upto, after)
    began = time.monotonic()
    for some in _batches(context, row, ids, now):
        judged = _judged(context, some)
        for one in some:
            if work.files and (time.monotonic() - began > SECONDS or work.bytes > BYTES):
                return partial(_apply, context, row, work, now)
            _work_on(context, work, one, judged.get(one.file_id), now)
    work.last, work.files = upto, files  # those that a condition no longer holds for are done too
    return partial(_apply, context, row, work, now)


def _batches(context: ScreeningContext, row: Backfill, ids: Sequence[str], now: datetime) -> Iterator[list[Planned]]:
    """The files with what is known of them, as many at once as their facts leave room for."""
    left = list(ids)
    while left:
        some: list[Planned] = []
        size = 0
        with context.db.read() as conn:
            while left and size < BYTES // 4:
                file_id = left.pop(0)
                given = gather(conn, file_id, now, context.settings.names)
                some.append(_planned(context, row, file_id, given))
                size += len(given.facts_json or b"") if given is not None else 0
        yield some


def _planned(context: ScreeningContext, row: Backfill, file_id: str, given: Given | None) -> Planned:
    if given is None or given.file.state is S.RECEIVED:
        return Planned(file_id, None)  # gone, or its first screening is to come
    states = in_force(discover(), given.states, context.settings.new_checks)
    own = {name for name in row.checks if states.get(name) in RUNS}
    decides = any(states[name] is CheckState.ENABLED for name in own)
    checks = tuple(one for one in discover() if one.name in own or (decides and states[one.name] is CheckState.ENABLED))
    return Planned(file_id, given, checks, states, decides)


def _judged(context: ScreeningContext, some: Sequence[Planned]) -> dict[str, ScanResult]:
    """What checks say of the files whose stored facts suffice, all judged in one child."""
    ready: dict[str, ToJudge] = {}
    for one in some:
        if one.given is not None and one.given.facts_json is not None and not needs_archive(one.given, one.checks):
            ready[one.file_id] = ToJudge(one.given.facts_json, one.given.context, one.checks)
    found = judge_many(list(ready.values()), context.scanner) if ready else []
    return dict(zip(ready, found, strict=True))


def _work_on(context: ScreeningContext, work: Work, one: Planned, judged: ScanResult | None, now: datetime) -> None:
    work.last, work.files = one.file_id, work.files + 1
    given = one.given
    if given is None:
        work.skipped += 1
        return
    try:
        if judged is not None and _is_known(context, one, judged):
            done = Screened(given, judged, one.checks)  # its findings are there, with the text around them
        else:
            done = screened(context, given, one.checks, judged)
    except NotStored:
        work.failed += 1
        log.warning("the vault does not have the archive", file=one.file_id, backfill=work.number)
        return
    policy = context.settings.policy
    decision = decision_of(given, done.result, one.states, policy, now) if one.decides else None
    work.ones.append(One(done, decision, one.states))
    work.bytes += len(done.packed or b"") + sum(len(text) for _, text in done.kept.values())


def _is_known(context: ScreeningContext, one: Planned, judged: ScanResult) -> bool:
    """Whether each check that found something ran on this file before, with the rules of today."""
    found = {run.check for run in judged.runs if run.findings}
    rules = {check.name: rules_of(check) for check in one.checks if check.name in found}
    if not found or any(check.subject is not SubjectKind.FILE for check in one.checks if check.name in found):
        return not found
    r = screening_run.c
    mine = select(r.check, r.rules).where(
        r.subject_kind == SubjectKind.FILE, r.subject_id == one.file_id, r.check.in_(found)
    )
    with context.db.read() as conn:
        known = {(row.check, row.rules) for row in conn.execute(mine)}
    return known.issuperset(rules.items())


def _apply(context: ScreeningContext, row: Backfill, work: Work, now: datetime, tx: Tx) -> None:
    """Everything that the part led to, its end, and the next part. If another had the same part, nothing."""
    if not _close(tx, work, now):
        return
    for key in sorted({one.done.given.file.project_key for one in work.ones}):
        try_lock_project(tx, key)  # all of them, before anything else: see `catalog.locks`
    store_facts(tx, [one.done for one in work.ones], now)
    counts: Counter[str] = Counter(done=work.files, skipped=work.skipped, failed=work.failed)
    changes: Counter[str] = Counter()
    for one in work.ones:
        counts["scanned"] += one.done.packed is not None
        new = store_runs(tx, one.done, now)
        counts["found"] += len(new)
        if one.decision is not None:
            _judge(context, row, one, one.decision, new, counts, changes, now, tx)
        note(one.done, one.decision, one.states)
    _count(tx, work.number, counts, changes, now)
    feed(tx, work.number, now)
    count(m.BACKFILL_FILES, work.files)


def _close(tx: Tx, work: Work, now: datetime) -> bool:
    """End the part, or shorten it to what is left and make a job for that. False when it is not there any more."""
    p = part_table.c
    mine = (p.backfill_id == work.number) & (p.last == work.upto) & (p.after == work.after)
    if work.last == work.upto:
        return tx.execute(delete(part_table).where(mine)).rowcount == 1
    rest = {"after": work.last, "files": p.files - work.files}
    if tx.execute(update(part_table).where(mine).values(rest)).rowcount != 1:
        return False
    key, payload = job_of(work.number, work.last, work.upto)
    enqueue(tx, QUEUE, key, payload, now=now)
    return True


def _judge(
    context: ScreeningContext,
    row: Backfill,
    one: One,
    decision: Decision,
    new: list[Finding],
    counts: Counter[str],
    changes: Counter[str],
    now: datetime,
    tx: Tx,
) -> None:
    """The verdict on one file, where it differs or rests on something new; and the case that it asks for."""
    given = one.done.given
    then = newest_verdict(tx, given.file.id)
    fresh = bool(counted(new, given, one.done.result, one.states))
    if decision.verdict is not then or fresh:
        save_verdict(tx, context, one.done, decision, now)
    if decision.verdict is not then:
        changes[f"{then or 'none'} to {decision.verdict}"] += 1
    news = decision.verdict is not Verdict.CLEAR and (fresh or worse(decision.verdict, then))
    acts = row.act and decision.verdict is Verdict.REJECT  # be it known already: somebody looked first, and acts now
    if not news and not acts:
        return
    file = lock_file(tx, given.file.id)
    if acts and file.state is S.PUBLIC and not people_decided(tx, file):
        move_file(tx, "file.withdraw", POLICY, file.id, S.QUARANTINED, reason=HELD_WORDS, now=now)
        counts["moved"] += 1
    elif not news or file.state not in (S.PUBLIC, S.HELD):
        return
    put_in_case(tx, file, decision, now=now)
    counts["cases"] += 1


def _count(tx: Tx, number: int, counts: Counter[str], changes: Counter[str], now: datetime) -> None:
    row = backfill.lock(tx, number)
    values = {name: getattr(row, name) + more for name, more in counts.items()}
    verdicts = Counter(row.verdicts)
    verdicts.update(changes)
    tx.execute(update(table).where(table.c.id == number).values(values | {"verdicts": dict(verdicts), "seen_at": now}))
    if row.state is BackfillState.RUNNING and counts["cases"] and values["cases"] >= row.most_cases:
        says = f"{values['cases']} files were put into cases: look at some, then resume it"
        backfill.pause(tx, POLICY, number, now=now, says=says)
