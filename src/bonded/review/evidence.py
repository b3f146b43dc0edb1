"""Evidence as the console shows it: findings ranked, each with what the sandboxed run kept of the member's text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import zstandard
from sqlalchemy import ColumnElement, Connection, or_, select

from bonded.catalog.tables import check_state, evidence, file, finding
from bonded.db.among import parts
from bonded.values.finding import Finding, Severity, When
from bonded.values.states import SubjectKind

MAX_EVIDENCE = 4 * 1024 * 1024
"""Bytes that one piece of evidence may have when unpacked."""

_SEVERITY = {
    Severity.CRITICAL: 1.0,
    Severity.HIGH: 0.7,
    Severity.MEDIUM: 0.4,
    Severity.LOW: 0.15,
    Severity.INFO: 0.02,
}
_WHEN = {
    When.INSTALL: 1.0,
    When.STARTUP: 1.0,
    When.IMPORT: 0.9,
    When.UNKNOWN: 0.7,
    When.CALL: 0.6,
    When.NEVER: 0.1,
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finding in a case. `evidence` names the kept text (see `text_of`); `deciding`: its check decides (not evaluated)."""

    id: int
    subject_kind: SubjectKind
    subject_id: str
    file_id: str | None
    finding: Finding
    evidence: str | None
    deciding: bool
    found_at: datetime

    @property
    def rank(self) -> float:
        """How soon a reviewer should see it: how bad, how sure, how soon it runs. Higher comes first."""
        weight = _SEVERITY[self.finding.severity] * self.finding.confidence * _WHEN[self.finding.when]
        return weight if self.deciding else weight - 10


def ranked(conn: Connection, file_ids: Iterable[str], project_id: str) -> list[Evidence]:
    """Findings about the files, their releases and their project, the most telling first; withdrawn ("wiped out") checks are
    left out."""
    rows = {row.id: row for about in _about(list(file_ids), project_id) for row in conn.execute(_FINDINGS.where(about))}
    found = [_evidence(row) for row in rows.values() if row.check_state != "wiped_out"]
    return sorted(found, key=lambda e: (-e.rank, e.finding.path, e.finding.line, e.id))


_FINDINGS = select(finding, check_state.c.state.label("check_state")).outerjoin(
    check_state, check_state.c.check == finding.c.check
)


def _about(file_ids: list[str], project_id: str) -> Iterator[ColumnElement[bool]]:
    """What makes a finding one of theirs, for some files after the other; a release may come twice."""
    kind, subject = finding.c.subject_kind, finding.c.subject_id
    for some in parts(file_ids):
        releases = select(file.c.release_id).where(file.c.id.in_(some))
        yield or_(finding.c.file_id.in_(some), (kind == SubjectKind.RELEASE) & subject.in_(releases))
    yield (kind == SubjectKind.PROJECT) & (subject == project_id)


def text_of(conn: Connection, sha256: str) -> dict[str, Any] | None:
    """What the sandboxed run kept under that hash, None when nothing (or nothing readable) was."""
    packed = conn.execute(select(evidence.c.text).where(evidence.c.sha256 == sha256)).scalar_one_or_none()
    if packed is None:
        return None
    try:
        # Written by our own code, but over hostile bytes: the size is capped here again. Streamed, because a whole-frame
        # call believes the size that the frame states.
        with zstandard.ZstdDecompressor(max_window_size=2 * MAX_EVIDENCE).stream_reader(bytes(packed)) as stream:
            raw = stream.read(MAX_EVIDENCE + 1)
        if len(raw) > MAX_EVIDENCE:
            return None
        value = orjson.loads(raw)
    except (zstandard.ZstdError, orjson.JSONDecodeError):
        return None
    return value if isinstance(value, dict) else {"text": value}


def _evidence(row: Any) -> Evidence:
    found = Finding(
        row.check,
        row.version,
        Severity(row.severity),
        row.confidence,
        row.message,
        row.path,
        row.line,
        row.end_line,
        row.excerpt,
        When(row.run_when),
        tuple(str(step) for step in row.trace),
    )
    deciding = row.check_state in (None, "enabled")
    return Evidence(
        row.id,
        SubjectKind(row.subject_kind),
        row.subject_id,
        row.file_id,
        found,
        row.evidence,
        deciding,
        row.created_at,
    )
