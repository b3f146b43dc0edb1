"""Writing what screening found: facts, findings, evidence, verdict. Insert-only, and once, however often a job runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import zstandard
from sqlalchemy import Table, insert
from sqlalchemy.dialects import postgresql, sqlite

from bonded.catalog.tables import evidence as evidence_table
from bonded.catalog.tables import finding as finding_table
from bonded.catalog.tables import screening_run, verdict
from bonded.checks.kit import Check
from bonded.checks.registry import facts_rules, rules_of
from bonded.db.engine import Tx
from bonded.facts.model import Facts
from bonded.screening.given import Given
from bonded.screening.policy import Decision
from bonded.screening.run import FAILED, FAILED_VERSION, CheckRun, ScanResult
from bonded.screening.tables import facts as facts_table
from bonded.values.finding import Finding
from bonded.values.states import SubjectKind

Kept = Mapping[tuple[str, int], tuple[str, bytes]]
"""(path, line) -> hash and stored bytes of the evidence there."""


def insert_once(tx: Tx, table: Table, values: dict[str, Any]) -> bool:
    """Insert a row unless its key is there; True when this inserted it."""
    make = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    key = next(iter(table.primary_key.columns))
    statement = make(table).values(values).on_conflict_do_nothing().returning(key)
    return tx.execute(statement).first() is not None


def store_facts(tx: Tx, facts: Facts, facts_json: bytes, now: datetime) -> None:
    """Keep facts under the archive's hash."""
    data = zstandard.ZstdCompressor(level=3).compress(facts_json)
    values = {"sha256": facts.sha256, "rules": facts_rules(), "filename": facts.filename, "data": data}
    insert_once(tx, facts_table, values | {"created_at": now})


def store_runs(tx: Tx, given: Given, result: ScanResult, checks: Iterable[Check], kept: Kept, now: datetime) -> None:
    """Keep the findings of each check that ran, once for each subject, check, version and rules."""
    known = {one.name: one for one in checks}
    for run in result.runs:
        if run.outcome == "ok":
            _store_run(tx, given, known[run.check], run, kept, now)
    failed = {run.check: rules_of(known[run.check]) for run in result.runs if run.outcome != "ok"}
    rules = list(failed.values()) or [facts_rules()] * len(result.failures)
    for one, own in zip(result.failures, rules, strict=True):
        if _first(tx, (SubjectKind.FILE, given.file.id), (FAILED, FAILED_VERSION, own), "crash", 0.0, now):
            _store_finding(tx, one, (SubjectKind.FILE, given.file.id), given, own, None, now)


def _store_run(tx: Tx, given: Given, one: Check, run: CheckRun, kept: Kept, now: datetime) -> None:
    of_project = one.subject is SubjectKind.PROJECT
    subject = (one.subject, given.file.project_id if of_project else given.file.id)
    if one.subject is SubjectKind.RELEASE:
        subject = (one.subject, given.file.release_id)
    rules = rules_of(one)
    if not _first(tx, subject, (one.name, one.version, rules), "ok", run.cpu_seconds, now):
        return
    for found in run.findings:
        text = kept.get((found.path, found.line))
        if text is not None:
            insert_once(tx, evidence_table, {"sha256": text[0], "text": text[1], "created_at": now})
        _store_finding(tx, found, subject, given, rules, text[0] if text else None, now)


def _first(
    tx: Tx, subject: tuple[SubjectKind, str], check: tuple[str, int, str], outcome: str, cpu: float, now: datetime
) -> bool:
    values = {"subject_kind": subject[0], "subject_id": subject[1], "check": check[0], "version": check[1]}
    values |= {"rules": check[2], "outcome": outcome, "cpu_seconds": cpu, "created_at": now}
    return insert_once(tx, screening_run, values)


def _store_finding(
    tx: Tx,
    one: Finding,
    subject: tuple[SubjectKind, str],
    given: Given,
    rules: str,
    evidence: str | None,
    now: datetime,
) -> None:
    values = {
        "subject_kind": subject[0],
        "subject_id": subject[1],
        "file_id": given.file.id,
        "check": one.check,
        "version": one.version,
        "rules": rules,
        "severity": one.severity,
        "confidence": one.confidence,
        "path": one.path,
        "line": one.line,
        "end_line": one.end_line,
        "message": one.message,
        "excerpt": one.excerpt,
        "run_when": one.when,
        "trace": list(one.trace),
        "evidence": evidence,
        "created_at": now,
    }
    tx.execute(insert(finding_table).values(_clean(values)))


def store_verdict(
    tx: Tx, file_id: str, decision: Decision, *, rules: str, sandbox: str, unread: Iterable[str], now: datetime
) -> None:
    """Keep the verdict with the terms that explain it."""
    values = {
        "file_id": file_id,
        "verdict": decision.verdict,
        "score": decision.score,
        "terms": [[words, weight] for words, weight in decision.terms],
        "rules": rules,
        "sandbox": sandbox,
        "unread": list(unread)[:200],
        "created_at": now,
    }
    tx.execute(insert(verdict).values(_clean(values)))


def _clean(value: Any) -> Any:
    """Text that both databases take: no NUL, no lone surrogates. Hostile names and code may hold either."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8") if type(value) is str else value
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return {key: _clean(one) for key, one in value.items()} if isinstance(value, dict) else value
