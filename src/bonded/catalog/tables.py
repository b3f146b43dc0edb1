"""Tables of the index: projects, releases, files, roles; and what screening found and review decides about them.

Findings, verdicts and cases live here because screening and review, which never import each other, both use them.
"""

from typing import Any

from packaging.utils import canonicalize_version
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from bonded.db.base import BigId, Instant, Json, metadata


def _canonical(context: Any) -> str:
    return canonicalize_version(context.get_current_parameters()["version"])


project = Table(
    "project",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # normalized name
    Column("name", Text, nullable=False),  # as first uploaded
    Column("twin", Text, nullable=False, default="", index=True),  # catalog.twins: equal for names that people confuse
    Column("status", Text, nullable=False),  # values.states.ProjectStatus
    Column("status_reason", Text, nullable=False, default=""),
    Column("deleted", Boolean, nullable=False, default=False),  # its page is withdrawn; the name and owners stay
    Column("last_journal_id", BigInteger, nullable=False, default=0),  # newest journal row that changes the index
    Column("created_at", Instant, nullable=False),
)

role = Table(
    "project_role",
    metadata,
    Column("project_id", Text, ForeignKey("project.id"), primary_key=True),
    Column("user_id", Text, ForeignKey("user_account.id"), primary_key=True, index=True),
    Column("role", Text, nullable=False),  # values.states.Role
    Column("created_at", Instant, nullable=False),
)

release = Table(
    "release",
    metadata,
    Column("id", Text, primary_key=True),
    Column("project_id", Text, ForeignKey("project.id"), nullable=False),
    Column("version", Text, nullable=False),  # normal form (PEP 440) as first uploaded: 1.0 or 1.0.0
    Column("canonical", Text, nullable=False, default=_canonical),  # without trailing zeros: equal for equal versions
    # Core metadata as read from the artifact: of those of its files that have no row in `file_metadata`.
    Column("metadata", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("project_id", "canonical"),
)

# Which projects any release of a project requires: who else is hit when that one changes. Kept when releases go.
requirement = Table(
    "requirement",
    metadata,
    Column("name", Text, primary_key=True),  # normalized name of what is required, whether it is in this index or not
    Column("project_id", Text, ForeignKey("project.id"), primary_key=True, index=True),
)

file = Table(
    "file",
    metadata,
    Column("id", Text, primary_key=True),
    Column("project_id", Text, ForeignKey("project.id"), nullable=False),
    Column("release_id", Text, ForeignKey("release.id"), nullable=False, index=True),
    Column("filename", Text, nullable=False, index=True),
    Column("packagetype", Text, nullable=False),  # values.states.PackageType
    Column("python_version", Text, nullable=False),  # "py3", "source", ...
    Column("requires_python", Text, nullable=False, default=""),
    Column("size", BigInteger, nullable=False),
    Column("md5", Text, nullable=False),
    Column("sha256", Text, nullable=False, index=True),
    Column("blake2_256", Text, nullable=False),
    Column("vault_key", Text, nullable=False),  # "<sha256>.<upload id>"
    Column("metadata_sha256", Text),  # of the .metadata file (PEP 658), NULL when there is none
    Column("metadata_size", BigInteger),
    Column("provenance_sha256", Text),  # of the provenance object in the vault (PEP 740), NULL when there is none
    Column("state", Text, nullable=False, index=True),  # values.states.FileState
    Column("state_reason", Text, nullable=False, default=""),
    Column("state_at", Instant, nullable=False),
    Column("holds_name", Boolean, nullable=False),  # no other bytes may come under this name
    Column("burnt", Boolean, nullable=False, default=False),  # was public once
    # A signed target of these very bytes: the publication that lists or withdraws it says so. False: look it up.
    Column("listed", Boolean, nullable=False, default=False, server_default=false()),
    Column("yanked", Boolean, nullable=False, default=False),
    Column("yanked_reason", Text, nullable=False, default=""),
    Column("uploaded_at", Instant, nullable=False),
    Column("uploader_id", Text, nullable=False),
    Column("token_id", Text, nullable=False),
    Column("case_id", BigInteger, ForeignKey("review_case.id"), index=True),
    Column(
        "case_after", BigInteger
    ),  # newest journal row about it when screening put it there: later decisions settle it
    Index("ix_file_uploader_id_uploaded_at", "uploader_id", "uploaded_at"),
    Index("ix_file_project_id_state", "project_id", "state"),  # without it, SQLite reads every public file for one page
    Index(
        "uq_file_held_name",
        "filename",
        unique=True,
        sqlite_where=text("holds_name"),
        postgresql_where=text("holds_name"),
    ),
)

# Of files whose core metadata are not those of their release's row (catalog.words).
file_metadata = Table(
    "file_metadata",
    metadata,
    Column("file_id", Text, ForeignKey("file.id"), primary_key=True),
    Column("metadata", Json, nullable=False),
)

case = Table(
    "review_case",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("project_id", Text, ForeignKey("project.id"), nullable=False),
    Column("state", Text, nullable=False),  # open, closed
    Column("score", Float, nullable=False),  # highest score of its files
    Column("headline", Text, nullable=False),  # the top reason, in words
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    # The least number of the cases that it shares something telling with (review.grouping); NULL: not looked at yet.
    Column("campaign_id", BigInteger),
    # Somebody works on it (review.claims); it lapses by itself.
    Column("claimed_by", Text),
    Column("claimed_at", Instant),
    Index(
        "uq_review_case_open",
        "project_id",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
    Index("ix_review_case_state_score", "state", "score"),
    Index("ix_review_case_state_opened_at", "state", "opened_at"),
    Index("ix_review_case_campaign_id", "campaign_id"),
    sqlite_autoincrement=True,
)

# Somebody wants a file removed that others need (review.two_people): it is done when a second person wants it too.
removal_proposal = Table(
    "removal_proposal",
    metadata,
    Column("file_id", Text, ForeignKey("file.id"), primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

saved_filter = Table(
    "saved_filter",
    metadata,
    Column("user_id", Text, ForeignKey("user_account.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("query", Text, nullable=False),  # of the queue's address, normalised by web.admin.filters
    Column("created_at", Instant, nullable=False),
)
"""A case gathers what an administrator decides together: the held files of one project."""

CLAIMING = "severity IN ('medium', 'high', 'critical') AND run_when <> 'never'"
"""Findings that claim something, of which precision speaks. A partial index is used only by statements that say it in these words."""
finding = Table(
    "finding",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("subject_kind", Text, nullable=False),  # project, release, file
    Column("subject_id", Text, nullable=False),
    Column("file_id", Text, index=True),  # the file whose screening found it; no foreign key: findings outlive files
    Column("check", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("rules", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("path", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("end_line", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("excerpt", Text, nullable=False),
    Column("run_when", Text, nullable=False),
    Column("trace", Json, nullable=False),
    Column("evidence", Text),  # sha256 of the member text in `evidence`, where it was kept
    Column("created_at", Instant, nullable=False),
    Index("ix_finding_subject", "subject_kind", "subject_id"),
    Index("ix_finding_check_created_at", "check", "created_at"),
    Index(
        "ix_finding_claim",
        "subject_kind",
        "subject_id",
        "file_id",
        sqlite_where=text(CLAIMING),
        postgresql_where=text(CLAIMING),
    ),
    sqlite_autoincrement=True,
)
"""Insert-only."""

screening_run = Table(
    "screening_run",
    metadata,
    Column("subject_kind", Text, primary_key=True),
    Column("subject_id", Text, primary_key=True),
    Column("check", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("rules", Text, primary_key=True),
    Column("outcome", Text, nullable=False),  # ok, crash, timeout, memory
    Column("cpu_seconds", Float, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_screening_run_check_created_at", "check", "created_at"),
)
"""One row for each check that ran on a subject: findings are inserted once per (subject, check, version, rules)."""

evidence = Table(
    "evidence",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column(
        "text", LargeBinary, nullable=False
    ),  # zstd of UTF-8 JSON: the member's lines around the finding, decoded forms
    Column("created_at", Instant, nullable=False),
)
"""What the sandboxed run kept for the console, by content hash: the web process opens no archive to show it."""

verdict = Table(
    "verdict",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("file_id", Text, nullable=False, index=True),
    Column("verdict", Text, nullable=False),  # values.states.Verdict
    Column("score", Float, nullable=False),
    Column("terms", Json, nullable=False),  # [[term, weight], ...]: the explanation of the score
    Column("rules", Text, nullable=False),
    Column("sandbox", Text, nullable=False),  # isolation level in force
    Column("unread", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    sqlite_autoincrement=True,
)

check_state = Table(
    "check_state",
    metadata,
    Column("check", Text, primary_key=True),
    Column("state", Text, nullable=False),  # enabled, evaluation, disabled, wiped_out
    Column("reason", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    # who set it: a person, installed (first seen by screening), precision (sent back by its own record)
    Column("origin", Text, nullable=False, default="person", server_default="person"),
)

suppression = Table(
    "suppression",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("check", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("content_sha256", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant),  # when a person ended it before it expired
    Column("case_id", BigInteger),  # the case that it was made from
    sqlite_autoincrement=True,
)

trait = Table(
    "file_trait",
    metadata,
    Column("kind", Text, primary_key=True),  # review.traits: uploader, payload, address, alike, member
    Column("value", Text, primary_key=True),  # a digest, an address, an opaque id
    Column("file_id", Text, primary_key=True, index=True),
    Column("note", Text, nullable=False),  # where it was seen: a path in the archive, or ""
)
"""What files of review cases have that other files may share: by it cases are grouped and related projects are found."""

comparison = Table(
    "file_comparison",
    metadata,
    Column("old_file_id", Text, primary_key=True),
    Column("new_file_id", Text, primary_key=True),
    Column("outcome", Text, nullable=False),  # ok, or how the sandbox ended
    Column("data", LargeBinary, nullable=False),  # zstd of JSON: review.compare
    Column("created_at", Instant, nullable=False),
)
"""Differences of two archives as the sandbox saw them: the web process opens no archive."""
