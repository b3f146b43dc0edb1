"""The screening job of one file: facts, findings, verdict, and the move that the verdict asks for in this mode.

The sandboxed work happens outside any transaction. Everything that it led to is one function of a transaction, which the
worker applies together with the end of the job: if we stop before, the job runs again and finds the same.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import structlog

from bonded.catalog.change import move_file
from bonded.catalog.locks import lock_file
from bonded.catalog.read import File
from bonded.checks.kit import Check
from bonded.checks.registry import discover, rules_hash
from bonded.db.engine import Tx
from bonded.db.jobs import Job
from bonded.db.worker import Effects
from bonded.screening.cases import put_in_case
from bonded.screening.evidence import pack
from bonded.screening.given import Given, gather
from bonded.screening.policy import Decision, decide
from bonded.screening.run import ScanResult, evidence, judge, scan
from bonded.screening.settings import ScreeningContext
from bonded.screening.states import RUNS, CheckState, state_of
from bonded.screening.store import Kept, store_facts, store_runs, store_verdict
from bonded.values.states import FileState, Mode, Verdict
from bonded.values.who import POLICY

S = FileState
log = structlog.get_logger("bonded.screening")

HELD_WORDS = "waiting for review"
REFUSED_WORDS = "rejected by the index's policy"
"""What owners read as the reason; what was found is for reviewers only."""


def screen(context: ScreeningContext, job: Job, now: datetime) -> Effects | None:
    """Screen the file that the job names. None when it is gone or removed. Raises StorageError: the job tries again."""
    with context.db.read() as conn:
        given = gather(conn, str(job.payload["file_id"]), now)
    if given is None or given.file.state is S.REMOVED:
        return None
    checks = tuple(one for one in discover() if state_of(one, given.states) in RUNS)
    result, kept = _scanned(context, given, checks)
    decision = _decision(context, given, result, now)
    log.info("screened", file=given.file.id, verdict=decision.verdict, score=decision.score, cpu=result.cpu_seconds)
    return partial(_apply, context, given, result, decision, checks, kept, now)


def _scanned(context: ScreeningContext, given: Given, checks: tuple[Check, ...]) -> tuple[ScanResult, Kept]:
    file, scanner = given.file, context.scanner
    with context.vault.open(file.vault_key) as stream:
        if given.facts_json is not None:
            result = judge(given.facts_json, given.context, checks, scanner)
        else:
            result = scan(stream, file.filename, given.context, checks, scanner)
        texts = evidence(stream, file.filename, result, scanner)
    return result, {(one["path"], one["line"]): pack(one) for one in texts}


def _decision(context: ScreeningContext, given: Given, result: ScanResult, now: datetime) -> Decision:
    """Checks in evaluation and suppressed findings are kept, and decide nothing."""
    members = (
        {member.path: member.sha256 for member in result.facts.members} if result.facts and given.suppressed else {}
    )
    counted = [
        one
        for one in result.findings
        if given.states.get(one.check, CheckState.ENABLED) is CheckState.ENABLED
        and not given.is_suppressed(one, members)
    ]
    return decide(counted, context.settings.policy.at(given.file.project_key, now))


def _apply(
    context: ScreeningContext,
    given: Given,
    result: ScanResult,
    decision: Decision,
    checks: tuple[Check, ...],
    kept: Kept,
    now: datetime,
    tx: Tx,
) -> None:
    """Everything that screening led to, in the transaction that ends the job."""
    if result.facts is not None and result.facts_json is not None and given.facts_json is None:
        store_facts(tx, result.facts, result.facts_json, now)
    store_runs(tx, given, result, checks, kept, now)
    rules = rules_hash(checks, context.settings.policy.fingerprint())
    level = context.sandbox.level
    store_verdict(tx, given.file.id, decision, rules=rules, sandbox=level, unread=result.unread, now=now)
    _move(tx, lock_file(tx, given.file.id), decision, context.settings.mode, now)


def _move(tx: Tx, file: File, decision: Decision, mode: Mode, now: datetime) -> None:
    """The move that the verdict asks for. A file that people have decided about since stays where they put it."""
    move = wanted_move(file.state, decision.verdict, mode)
    if file.state not in (S.RECEIVED, S.PUBLIC) or (file.state is S.PUBLIC and file.case_id is not None):
        return
    if move is not None:
        action, state, words = move
        move_file(tx, action, POLICY, file.id, state, reason=words, now=now)
    if decision.verdict is not Verdict.CLEAR:
        put_in_case(tx, file, decision, now=now)


def wanted_move(state: FileState, verdict: Verdict, mode: Mode) -> tuple[str, FileState, str] | None:
    """(action, new state, words for the owner) for a file that only policy has seen yet; None where it stays. Pure."""
    if state is S.PUBLIC:
        return ("file.withdraw", S.QUARANTINED, HELD_WORDS) if verdict is Verdict.REJECT else None
    if state is not S.RECEIVED:
        return None
    if verdict is Verdict.CLEAR or (verdict is Verdict.REVIEW and mode is Mode.WATCH):
        return "file.publish", S.PUBLIC, ""
    if verdict is Verdict.REVIEW:
        return "file.hold", S.HELD, HELD_WORDS
    return "file.refuse", S.REJECTED, REFUSED_WORDS
