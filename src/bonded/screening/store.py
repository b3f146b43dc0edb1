"""Writing what screening found: facts, evidence, runs with their findings, the verdict. Insert-only, and once, however often
a job runs.

Rows that many archives share (facts, evidence) are written in the order of their keys, after the projects are locked: so two
transactions never wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import zstandard
from sqlalchemy import Connection, bindparam, insert, select

from bonded.catalog.tables import evidence as evidence_table
from bonded.catalog.tables import finding as finding_table
from bonded.catalog.tables import screening_run, verdict
from bonded.checks.kit import Check
from bonded.checks.registry import facts_rules, rules_of
from bonded.db.engine import Tx
from bonded.facts.model import Facts
from bonded.facts.profile import profile_of
from bonded.screening import members
from bonded.screening.given import Given
from bonded.screening.history import pack_profile
from bonded.screening.policy import Decision
from bonded.screening.rows import insert_new, insert_once
from bonded.screening.run import FAILED, FAILED_VERSION, CheckRun, ScanResult
from bonded.screening.tables import facts as facts_table
from bonded.screening.tables import profile as profile_table
from bonded.values.finding import Finding
from bonded.values.states import SubjectKind, Verdict

__all__ = [
    "Kept",
    "Screened",
    "insert_once",
    "newest_verdict",
    "pack_facts",
    "store_facts",
    "store_runs",
    "store_verdict",
    "unpack_facts",
]

Kept = Mapping[tuple[str, int], tuple[str, bytes]]
"""(path, line) -> hash and stored bytes of the evidence there."""
Subject = tuple[SubjectKind, str]
RunKey = tuple[str, str, str, int, str]
"""Kind and id of the subject, check, version, rules."""

_FINDING, _VERDICT = insert(finding_table), insert(verdict)
_KNOWN = select(finding_table.c.path, finding_table.c.line, finding_table.c.message).where(
    finding_table.c.subject_kind == bindparam("kind"),
    finding_table.c.subject_id == bindparam("id"),
    finding_table.c.check == bindparam("check"),
    finding_table.c.version == bindparam("version"),
    finding_table.c.rules == bindparam("rules"),
)
_NEWEST = select(verdict.c.verdict).where(verdict.c.file_id == bindparam("file")).order_by(verdict.c.id.desc()).limit(1)
MAX_FACTS = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Screened:
    """What the sandboxed work on one file gave, ready to be written. `packed` are facts that are to be kept, if any."""

    given: Given
    result: ScanResult
    checks: tuple[Check, ...]
    packed: bytes | None = None
    kept: Kept = field(default_factory=dict)
    profile: bytes | None = None
    """What other files of the project are compared with, as it is stored; beside new facts only."""


def pack_facts(facts_json: bytes) -> bytes:
    """Facts as they are stored. Done before the transaction: it takes milliseconds."""
    return zstandard.ZstdCompressor(level=3).compress(facts_json)


def unpack_facts(data: bytes) -> bytes:
    """Facts as JSON again."""
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_FACTS)


def profile_bytes(facts: Facts) -> bytes:
    """The profile of an archive as it is stored."""
    return pack_profile(profile_of(facts))


def store_facts(tx: Tx, some: Sequence[Screened], now: datetime) -> None:
    """Keep facts, profiles and evidence under the hashes of their contents."""
    rules = facts_rules()
    facts = {
        one.given.file.sha256: {"filename": one.given.file.filename, "data": one.packed}
        for one in some
        if one.packed is not None
    }
    same = {"rules": rules, "created_at": now}
    insert_new(tx, facts_table, [{"sha256": key} | facts[key] | same for key in sorted(facts)])
    profiles = {one.given.file.sha256: one.profile for one in some if one.profile is not None}
    insert_new(tx, profile_table, [{"sha256": key, "data": profiles[key]} | same for key in sorted(profiles)])
    texts = {key: text for one in some for key, text in one.kept.values()}
    members.keep(tx, [(one.given.file, one.result.left) for one in some if one.packed is not None], now)
    insert_new(tx, evidence_table, [{"sha256": key, "text": texts[key], "created_at": now} for key in sorted(texts)])


def store_runs(tx: Tx, one: Screened, now: datetime) -> list[Finding]:
    """Keep the findings of each check that ran, once for each subject, check, version and rules. Returns what is new.

    A release changes with each of its files, a project with its first ones: of these, findings that were not there are added.
    """
    known = {check.name: check for check in one.checks}
    runs: list[tuple[RunKey, CheckRun]] = [
        (_key(one.given, known[run.check]), run) for run in one.result.runs if run.outcome == "ok"
    ]
    failures = [(_failed_key(one.given, rules), found) for rules, found in _failures(one.result, known)]
    rows = [_row(key, "ok", run.cpu_seconds, now) for key, run in runs]
    rows += [_row(key, "crash", 0.0, now) for key in dict.fromkeys(key for key, _ in failures)]
    first = insert_new(tx, screening_run, rows)
    found = [
        (key, one_found)
        for key, run in runs
        if run.findings
        for one_found in (run.findings if key in first else _unknown(tx, key, run.findings))
    ]
    found += [(key, failure) for key, failure in failures if key in first]
    if found:
        tx.execute(_FINDING, [_finding(one, key, each, now) for key, each in found])
    return [each for _, each in found]


def _unknown(tx: Tx, key: RunKey, findings: Iterable[Finding]) -> list[Finding]:
    """Of findings about a release or project that was looked at before, those that are new: it has changed since."""
    if key[0] == SubjectKind.FILE:
        return []
    about = dict(zip(("kind", "id", "check", "version", "rules"), key, strict=True))
    known = {tuple(row) for row in tx.execute(_KNOWN, about)}
    return [one for one in findings if tuple(_clean([one.path, one.line, one.message])) not in known]


def _key(given: Given, check: Check) -> RunKey:
    ids = {SubjectKind.PROJECT: given.file.project_id, SubjectKind.RELEASE: given.file.release_id}
    subject = ids.get(check.subject, given.file.id)
    return str(check.subject), subject, check.name, check.version, rules_of(check)


def _failed_key(given: Given, rules: str) -> RunKey:
    return str(SubjectKind.FILE), given.file.id, FAILED, FAILED_VERSION, rules


def _failures(result: ScanResult, known: Mapping[str, Check]) -> list[tuple[str, Finding]]:
    """Each failure with the rules of the check that failed; those of facts where no check is to blame."""
    rules: Sequence[str] = [rules_of(known[run.check]) for run in result.runs if run.outcome != "ok"]
    if len(rules) != len(result.failures):
        rules = [facts_rules()] * len(result.failures)
    return list(zip(rules, result.failures, strict=True))


def _row(key: RunKey, outcome: str, cpu: float, now: datetime) -> dict[str, Any]:
    names = ("subject_kind", "subject_id", "check", "version", "rules")
    return dict(zip(names, key, strict=True)) | {"outcome": outcome, "cpu_seconds": cpu, "created_at": now}


def _finding(one: Screened, key: RunKey, found: Finding, now: datetime) -> dict[str, Any]:
    text = one.kept.get((found.path, found.line))
    values = {
        "subject_kind": key[0],
        "subject_id": key[1],
        "file_id": one.given.file.id,
        "check": found.check,
        "version": found.version,
        "rules": key[4],
        "severity": found.severity,
        "confidence": found.confidence,
        "path": found.path,
        "line": found.line,
        "end_line": found.end_line,
        "message": found.message,
        "excerpt": found.excerpt,
        "run_when": found.when,
        "trace": list(found.trace),
        "evidence": text[0] if text else None,
        "created_at": now,
    }
    return _clean(values)  # type: ignore[no-any-return]


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
    tx.execute(_VERDICT, _clean(values))


def newest_verdict(conn: Connection, file_id: str) -> Verdict | None:
    """What policy said of the file last; None when it never did."""
    found = conn.execute(_NEWEST, {"file": file_id}).scalar_one_or_none()
    return Verdict(found) if found is not None else None


def _clean(value: Any) -> Any:
    """Text that both databases take: no NUL, no lone surrogates. Hostile names and code may hold either."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8") if type(value) is str else value
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return {key: _clean(one) for key, one in value.items()} if isinstance(value, dict) else value
