"""What is known before a file is screened: the file, its project, stored facts, states of checks, suppressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import zstandard
from sqlalchemy import Connection, bindparam, select

from bonded.catalog import read
from bonded.catalog.tables import screening_run, suppression
from bonded.checks.context import Context
from bonded.checks.kit import Check
from bonded.checks.registry import facts_rules, rules_of
from bonded.screening import members
from bonded.screening.history import History, history, publisher, was_public
from bonded.screening.name_lists import NameLists
from bonded.screening.states import CheckState, states
from bonded.screening.tables import facts as facts_table
from bonded.values.finding import Finding
from bonded.values.states import SubjectKind

MAX_FACTS = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Given:
    """Read in one transaction before the sandboxed work begins."""

    file: read.File
    context: Context
    facts_json: bytes | None
    states: dict[str, CheckState]
    suppressed: frozenset[tuple[str, str, str]]
    """(check, path, sha256 of the member or of the archive)"""
    seen: frozenset[str] = frozenset()
    """Hashes of the archives that this one could be compared with."""
    project_runs: frozenset[tuple[str, int, str]] = frozenset()
    """(check, version, rules) of checks that were run on the project before."""

    known: tuple[bytes, ...] = ()
    """What archives of the project left that the file may repeat members of (`facts.kept`)."""

    def is_due(self, check: Check) -> bool:
        """Whether the check runs at this file: one about projects while nothing of the project was public, and where it never ran."""
        if check.subject is not SubjectKind.PROJECT or self.context.new_project:
            return True
        return (check.name, check.version, rules_of(check)) not in self.project_runs

    def is_suppressed(self, finding: Finding, members: Mapping[str, str]) -> bool:
        """Whether a reviewer has said that this is known and harmless. `members` are hashes of contents by path."""
        hashes = (self.file.sha256, members.get(finding.path, ""))
        return any((finding.check, finding.path, one) in self.suppressed for one in hashes)


_RUNS = select(screening_run.c.check, screening_run.c.version, screening_run.c.rules).where(
    screening_run.c.subject_kind == SubjectKind.PROJECT, screening_run.c.subject_id == bindparam("project")
)


def gather(conn: Connection, file_id: str, now: datetime, names: NameLists | None = None) -> Given | None:
    """Everything about the file, None when it is gone. `names` are the operator's lists; None: the built-in one."""
    file = read.file(conn, file_id)
    if file is None:
        return None
    rows = conn.execute(
        select(suppression.c.check, suppression.c.path, suppression.c.content_sha256).where(
            suppression.c.expires_at > now
        )
    )
    suppressed = frozenset((row.check, row.path, row.content_sha256) for row in rows)
    past = history(conn, file)
    runs = frozenset((row.check, row.version, row.rules) for row in conn.execute(_RUNS, {"project": file.project_id}))
    context = _context(conn, file, past, names or NameLists())
    facts_json = _facts(conn, file)
    before = members.known(conn, file) if facts_json is None else ()
    return Given(file, context, facts_json, states(conn), suppressed, past.seen, runs, before)


def _context(conn: Connection, file: read.File, past: History, names: NameLists) -> Context:
    new = not was_public(conn, file)
    return Context(
        project=file.project_key,
        new_project=new,
        uploader=file.uploader_id,
        nearest=names.nearest(file.project_key) if new else None,
        private=names.private_pattern(file.project_key),
        publisher=publisher(conn, file),
        attested=file.provenance_sha256 is not None,
        siblings=past.siblings,
        earlier=past.earlier,
    )


def _facts(conn: Connection, file: read.File) -> bytes | None:
    row = conn.execute(
        select(facts_table.c.filename, facts_table.c.data).where(
            facts_table.c.sha256 == file.sha256, facts_table.c.rules == facts_rules()
        )
    ).one_or_none()
    if row is None or row.filename != file.filename:
        return None
    return zstandard.ZstdDecompressor().decompress(bytes(row.data), max_output_size=MAX_FACTS)
