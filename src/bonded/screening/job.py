"""The screening job of one file: facts, findings, verdict, and the move that the verdict asks for in this mode.

The sandboxed work happens outside any transaction. Everything that it led to is one function of a transaction, which the
worker applies together with the end of the job: if we stop before, the job runs again and finds the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, BinaryIO

import structlog

from bonded.catalog.change import move_file
from bonded.catalog.change_two_owners import stage
from bonded.catalog.locks import lock_seen
from bonded.catalog.read import File
from bonded.catalog.two_owners import SECOND_OWNER_NEEDED
from bonded.checks.kit import Check
from bonded.checks.registry import discover, rules_hash
from bonded.db.engine import Tx, afterwards
from bonded.db.jobs import Job, enqueue, enqueue_all
from bonded.db.worker import Effects
from bonded.screening.cases import people_decided, put_in_case
from bonded.screening.decision import decision_of
from bonded.screening.evidence import pack
from bonded.screening.figures import note
from bonded.screening.given import Given, gather
from bonded.screening.history import other_files, seen
from bonded.screening.policy import Decision
from bonded.screening.run import ScanResult, evidence, judge, scan
from bonded.screening.settings import ScreeningContext
from bonded.screening.states import RUNS, CheckState, in_force, welcome
from bonded.screening.store import (
    Kept,
    Planned,
    Screened,
    pack_facts,
    plan_runs,
    profile_bytes,
    store_facts,
    store_planned,
    store_verdict,
    verdict_row,
)
from bonded.seams import NotStored
from bonded.values.finding import Finding
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, Mode, SubjectKind, Verdict
from bonded.values.who import POLICY

S = FileState
log = structlog.get_logger("bonded.screening")

HELD_WORDS = "waiting for review"
REFUSED_WORDS = "rejected by the index's policy"
"""What owners read as the reason; what was found is for reviewers only."""


def screen(context: ScreeningContext, job: Job, now: datetime) -> Effects | None:
    """Screen the file that the job names. None when it is gone or removed. Raises StorageError: the job tries again."""
    began = time.perf_counter()
    with context.db.read() as conn:
        given = gather(conn, str(job.payload["file_id"]), now, context.settings.names)
    if given is None or given.file.state is S.REMOVED:
        return None
    states = in_force(discover(), given.states, context.settings.new_checks)
    checks = tuple(one for one in discover() if states[one.name] in RUNS)
    done = replace(screened(context, given, tuple(one for one in checks if given.is_due(one))), checks=checks)
    decision = decision_of(given, done.result, states, context.settings.policy, now)
    log.info(
        "screened", file=given.file.id, verdict=decision.verdict, score=decision.score, cpu=done.result.cpu_seconds
    )
    planned, verdict = plan_runs(done, now), _verdict(context, done, decision, now)
    return partial(_apply, context, done, decision, planned, verdict, states, now, began)


def needs_archive(given: Given, checks: Iterable[Check]) -> bool:
    """Whether the archive must be read: its facts are not there, or a check reads it itself."""
    return given.facts_json is None or any(one.runner is not None and one.runner.needs_archive for one in checks)


def screened(
    context: ScreeningContext, given: Given, checks: tuple[Check, ...], result: ScanResult | None = None
) -> Screened:
    """The sandboxed work on one file: its stored facts or else its archive. Raises StorageError.

    With stored facts the archive is opened only to keep the text around findings; it may be gone. `result` is what was judged
    from them already.
    """
    if needs_archive(given, checks):
        with context.vault.open(given.file.vault_key) as stream:
            return _read(context, given, checks, stream)
    assert given.facts_json is not None
    result = result or judge(given.facts_json, given.context, checks, context.scanner)
    if not any(one.path and one.line for one in result.findings):
        return Screened(given, result, checks)
    try:
        with context.vault.open(given.file.vault_key) as stream:
            return Screened(given, result, checks, None, _kept(context, given, result, stream))
    except NotStored:
        return Screened(given, result, checks)


def _read(context: ScreeningContext, given: Given, checks: tuple[Check, ...], stream: BinaryIO) -> Screened:
    name, scanner = given.file.filename, context.scanner
    if given.facts_json is not None:
        result = judge(given.facts_json, given.context, checks, scanner, archive=stream)
        return Screened(given, result, checks, None, _kept(context, given, result, stream))
    result = scan(stream, name, given.context, checks, scanner, known=given.known)
    packed = pack_facts(result.facts_json) if result.facts_json is not None else None
    profile = profile_bytes(result.facts) if result.facts is not None else None
    return Screened(given, result, checks, packed, _kept(context, given, result, stream), profile)


def _kept(context: ScreeningContext, given: Given, result: ScanResult, stream: BinaryIO) -> Kept:
    texts = evidence(stream, given.file.filename, result, context.scanner)
    return {(one["path"], one["line"]): pack(one) for one in texts}


def _apply(
    context: ScreeningContext,
    done: Screened,
    decision: Decision,
    planned: Planned,
    verdict: Mapping[str, Any],
    states: Mapping[str, CheckState],
    now: datetime,
    began: float,
    tx: Tx,
) -> None:
    """Everything that screening led to, in the transaction that ends the job. Its rows were made before: on SQLite, all others
    wait while it lasts.

    A file that this one is compared with may have been screened in the meantime, beside us. Then the facts are kept and the
    job is due again: the second look sees both, whoever was faster.
    """
    file = lock_seen(tx, done.given.file)
    if seen(tx, file) != done.given.seen:
        store_facts(tx, [done], now)
        enqueue(tx, "screen", f"screen:{file.id}", {"file_id": file.id}, now=now)
        return
    welcome(tx, done.checks, done.given.states, context.settings.new_checks, now=now)
    store_facts(tx, [done], now)
    _look_again(tx, done, store_planned(tx, planned), now)
    store_verdict(tx, verdict)
    _move(tx, file, decision, context.settings.mode, now)
    taken = timedelta(seconds=time.perf_counter() - began)
    first = file.state is S.RECEIVED
    waited = now + taken - file.uploaded_at if first else None
    afterwards(tx, partial(note, done, decision, states, waited=waited))


def _look_again(tx: Tx, done: Screened, new: list[Finding], now: datetime) -> None:
    """What is new about the release may lie in a file of it that was cleared before: its other files are judged again."""
    about = {one.name for one in done.checks if one.subject is SubjectKind.RELEASE}
    if any(one.check in about for one in new):
        ids = other_files(tx, done.given.file)
        enqueue_all(tx, "screen", [(f"screen:{one}", {"file_id": one}) for one in ids], now=now)


def save_verdict(tx: Tx, context: ScreeningContext, done: Screened, decision: Decision, now: datetime) -> None:
    """Keep what policy says of the file."""
    store_verdict(tx, _verdict(context, done, decision, now))


def _verdict(context: ScreeningContext, done: Screened, decision: Decision, now: datetime) -> dict[str, Any]:
    """What policy says of the file, under the rules of checks and policy."""
    settings = context.settings
    rules = rules_hash(done.checks, settings.policy.fingerprint() + settings.names.fingerprint())
    level, unread = context.sandbox.level, done.result.unread
    return verdict_row(done.given.file.id, decision, rules=rules, sandbox=level, unread=unread, now=now)


def _move(tx: Tx, file: File, decision: Decision, mode: Mode, now: datetime) -> None:
    """The move that the verdict asks for, and the case. A public file that people have decided about stays as they left it; one
    that only is in a case, as in watch mode, is withdrawn when a second look says so."""
    move = wanted_move(file.state, decision.verdict, mode)
    if file.state not in (S.RECEIVED, S.HELD, S.PUBLIC):
        return
    if file.state is S.PUBLIC and file.case_id is not None and people_decided(tx, file):
        return
    if move is not None:
        action, state, words = move
        try:
            move_file(tx, action, POLICY, file.id, state, reason=words, now=now, locked=file)
        except Refusal as refusal:
            if refusal.code != SECOND_OWNER_NEEDED:  # which is asked for before anything is written
                raise
            stage(tx, file, now=now)
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
