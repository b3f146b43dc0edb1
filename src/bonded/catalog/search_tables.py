"""Tables of the search: one row for each project that was ever public, and what its name looks like with a slip in it.

The index of words over `search` belongs to the database (`db.full_text`): FTS5 on SQLite, tsvector and GIN on PostgreSQL.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from bonded.db.base import BigId, metadata

search = Table(
    "project_search",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),  # the row id of SQLite's index, which must stay
    Column("project_id", Text, ForeignKey("project.id"), nullable=False, unique=True),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),  # the release that the words are from; "" while nothing is public
    Column("summary", Text, nullable=False),
    Column("words", Text, nullable=False),  # keywords and classifiers' topics
    Index("ix_project_search_key", "key"),
    sqlite_autoincrement=True,
)

near = Table(
    "project_near",
    metadata,
    Column("slip", BigInteger, primary_key=True, autoincrement=False),  # 64 bits of a hash: catalog.slips
    Column("project_id", Text, ForeignKey("project.id"), primary_key=True),
    sqlite_with_rowid=False,
)
"""Names one slip away from each other share a row here: found by a few exact look-ups, whatever the database."""
