"""What is known before a file is screened: the file, its project, stored facts, states of checks, suppressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import zstandard
from sqlalchemy import Connection, select

from bonded.catalog import read
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import suppression
from bonded.checks.context import Context
from bonded.checks.near import nearest
from bonded.checks.registry import facts_rules
from bonded.screening.states import CheckState, states
from bonded.screening.tables import facts as facts_table
from bonded.values.finding import Finding

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

    def is_suppressed(self, finding: Finding, members: Mapping[str, str]) -> bool:
        """Whether a reviewer has said that this is known and harmless. `members` are hashes of contents by path."""
        hashes = (self.file.sha256, members.get(finding.path, ""))
        return any((finding.check, finding.path, one) in self.suppressed for one in hashes)


def gather(conn: Connection, file_id: str, now: datetime) -> Given | None:
    """Everything about the file, None when it is gone."""
    file = read.file(conn, file_id)
    if file is None:
        return None
    rows = conn.execute(
        select(suppression.c.check, suppression.c.path, suppression.c.content_sha256).where(
            suppression.c.expires_at > now
        )
    )
    suppressed = frozenset((row.check, row.path, row.content_sha256) for row in rows)
    return Given(file, _context(conn, file), _facts(conn, file), states(conn), suppressed)


def _context(conn: Connection, file: read.File) -> Context:
    was_public = conn.execute(
        select(file_table.c.id)
        .where(file_table.c.project_id == file.project_id, file_table.c.burnt, file_table.c.id != file.id)
        .limit(1)
    ).first()
    new = was_public is None
    near = nearest(file.project_key) if new else None
    return Context(project=file.project_key, new_project=new, uploader=file.uploader_id, nearest=near)


def _facts(conn: Connection, file: read.File) -> bytes | None:
    row = conn.execute(
        select(facts_table.c.filename, facts_table.c.data).where(
            facts_table.c.sha256 == file.sha256, facts_table.c.rules == facts_rules()
        )
    ).one_or_none()
    if row is None or row.filename != file.filename:
        return None
    return zstandard.ZstdDecompressor().decompress(bytes(row.data), max_output_size=MAX_FACTS)
