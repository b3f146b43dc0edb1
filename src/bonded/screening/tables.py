"""Tables that only screening reads and writes."""

from sqlalchemy import Column, LargeBinary, Table, Text

from bonded.db.base import Instant, metadata

facts = Table(
    "facts",
    metadata,
    Column("sha256", Text, primary_key=True),  # of the archive
    Column("rules", Text, primary_key=True),  # hash of the code that made them
    Column("filename", Text, nullable=False),  # they were made under this name
    Column("data", LargeBinary, nullable=False),  # zstd of their JSON
    Column("created_at", Instant, nullable=False),
)
"""Facts by the archive's content: judging again needs no archive."""
