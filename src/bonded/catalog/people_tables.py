"""Tables of who works on projects: invitations, and the projects that need two people for a release."""

from sqlalchemy import Column, ForeignKey, Index, Table, Text, text

from bonded.db.base import Instant, metadata

invitation = Table(
    "invitation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("project_id", Text, ForeignKey("project.id"), nullable=False, index=True),
    Column("user_id", Text, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("role", Text, nullable=False),  # values.states.Role
    Column("invited_by", Text, nullable=False),
    Column("secret_hash", Text, unique=True),  # of the link in the newest mail
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("outcome", Text),  # catalog.invitations.Outcome; NULL: not answered yet
    Column("ended_at", Instant),
    Index(
        "uq_invitation_open",
        "project_id",
        "user_id",
        unique=True,
        sqlite_where=text("outcome IS NULL"),
        postgresql_where=text("outcome IS NULL"),
    ),
)

protected_project = Table(
    "protected_project",
    metadata,
    Column("project_id", Text, ForeignKey("project.id"), primary_key=True),
    Column("dual_since", Instant),  # since when each release needs a second owner; NULL: it does not
    Column("end_asked_by", Text),  # the owner who wants to end that
    Column("end_asked_at", Instant),
    Column("critical_since", Instant),  # since when its people need security devices, where policy says so
)

approval = Table(
    "approval",
    metadata,
    Column("file_id", Text, ForeignKey("file.id"), primary_key=True),
    Column("cleared_at", Instant),  # policy would publish it: only the second owner is waited for
    Column("approved_by", Text),
    Column("approved_at", Instant),
)
"""What is known of the two consents that a file of a protected project needs. A file is public with both, never before."""
