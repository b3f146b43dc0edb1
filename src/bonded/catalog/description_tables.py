"""What releases say of themselves, rendered: one row for each release, made with it."""

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from bonded.db.base import Instant, metadata

description = Table(
    "description",
    metadata,
    Column("release_id", Text, ForeignKey("release.id"), primary_key=True),
    Column("outcome", Text, nullable=False),  # catalog.descriptions.Outcome
    Column("renderer", Integer, nullable=False, index=True),  # version of ours that rendered it; 0: none yet
    Column("kind", Text, nullable=False, default="", server_default=""),  # the markup that it was read as
    Column("html", Text, nullable=False, default="", server_default=""),  # "" unless the outcome is `rendered`
    Column("reason", Text, nullable=False, default="", server_default=""),  # why it is shown as text, in English
    Column("rendered_at", Instant),
)
