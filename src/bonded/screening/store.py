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
from bonded.screening.rows import insert_missing, insert_once
from bonded.screening.run import FAILED, FAILED_VERSION, CheckRun, ScanResult
from bonded.screening.tables import facts as facts_table
from bonded.screening.tables import profile as profile_table
from bonded.values.finding import Finding
from bonded.values.states import SubjectKind, Verdict

__all__ = [
    "Kept",
    "Planned",
    "Screened",
    "insert_once",
    "newest_verdict",
    "pack_facts",
    "plan_runs",
    "store_facts",
    "store_planned",
    "store_runs",
    "store_verdict",
    "unpack_facts",
    "verdict_row",
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
_R = screening_run.c
_THERE = select(_R.subject_kind, _R.subject_id, _R.check, _R.version, _R.rules).where(
    _R.subject_kind.in_(bindparam("kinds", expanding=True)), _R.subject_id.in_(bindparam("ids", expanding=True))
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


@dataclass(frozen=True, slots=True)
class Planned:
    """The rows of runs and findings that the screening of one file leads to, made before the transaction that writes them."""

    runs: Mapping[RunKey, dict[str, Any]]
    findings: Sequence[tuple[RunKey, Finding, dict[str, Any]]]


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
    insert_missing(tx, facts_table, [{"sha256": key} | facts[key] | same for key in sorted(facts)])
    profiles = {one.given.file.sha256: one.profile for one in some if one.profile is not None}
    insert_missing(tx, profile_table, [{"sha256": key, "data": profiles[key]} | same for key in sorted(profiles)])
    texts = {key: text for one in some for key, text in one.kept.values()}
    members.keep(tx, [(one.given.file, one.result.left) for one in some if one.packed is not None], now)
    insert_missing(
        tx, evidence_table, [{"sha256": key, "text": texts[key], "created_at": now} for key in sorted(texts)]
    )


def store_runs(tx: Tx, one: Screened, now: datetime) -> list[Finding]:
    """Keep the findings of each check that ran, as `store_planned` does."""
    return store_planned(tx, plan_runs(one, now))


def plan_runs(one: Screened, now: datetime) -> Planned:
    """What `store_planned` writes. Pure."""
    known = {check.name: check for check in one.checks}
    runs: list[tuple[RunKey, CheckRun]] = [
        (_key(one.given, known[run.check]), run) for run in one.result.runs if run.outcome == "ok"
    ]
    failures = [(_failed_key(one.given, rules), found) for rules, found in _failures(one.result, known)]
    rows = {key: _row(key, "ok", run.cpu_seconds, now) for key, run in runs}
    rows |= {key: _row(key, "crash", 0.0, now) for key, _ in failures}
    found = [*((key, each) for key, run in runs for each in run.findings), *failures]
    return Planned(rows, [(key, each, _finding(one, key, each, now)) for key, each in found])


def store_planned(tx: Tx, planned: Planned) -> list[Finding]:
    """Keep runs and findings, once for each subject, check, version and rules. Returns the findings that are new.

    A release changes with each of its files, a project with its first ones: of these, findings that were not there are added.
    The caller has locked the project, so what is there is all there is: rows of its files and releases have no other writer.
    """
    ids = {key[:2] for key in planned.runs}
    about = {"kinds": sorted({kind for kind, _ in ids}), "ids": sorted({subject for _, subject in ids})}
    there = {(str(row[0]), *row[1:]) for row in tx.execute(_THERE, about)} if ids else set()
    insert_missing(tx, screening_run, [row for key, row in planned.runs.items() if key not in there])
    looked: dict[RunKey, set[tuple[Any, ...]]] = {}
    found = [
        (finding, row)
        for key, finding, row in planned.findings
        if key not in there or _is_unknown(tx, key, finding, row, looked)
    ]
    if found:
        tx.execute(_FINDING, [row for _, row in found])
    return [finding for finding, _ in found]


def _is_unknown(
    tx: Tx, key: RunKey, finding: Finding, row: Mapping[str, Any], looked: dict[RunKey, set[tuple[Any, ...]]]
) -> bool:
    """Whether a finding about a release or project that was looked at before is new: it has changed since."""
    if key[0] == SubjectKind.FILE or finding.check == FAILED:
        return False
    if key not in looked:
        about = dict(zip(("kind", "id", "check", "version", "rules"), key, strict=True))
        looked[key] = {tuple(one) for one in tx.execute(_KNOWN, about)}
    return (row["path"], row["line"], row["message"]) not in looked[key]


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


def verdict_row(
    file_id: str, decision: Decision, *, rules: str, sandbox: str, unread: Iterable[str], now: datetime
) -> dict[str, Any]:
    """The verdict with the terms that explain it, as `store_verdict` writes it. Pure."""
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
    return _clean(values)  # type: ignore[no-any-return]


def store_verdict(tx: Tx, row: Mapping[str, Any]) -> None:
    """Keep a verdict."""
    tx.execute(_VERDICT, dict(row))


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
