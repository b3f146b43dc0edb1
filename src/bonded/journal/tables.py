"""Tables of the journal and of what waits for the next publication."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from bonded.db.base import BigId, Instant, Json, metadata

journal = Table(
    "journal",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("action", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),  # opaque user id, or ""
    Column("credential_id", Text, nullable=False),  # opaque token or session id, or ""
    Column("subject_kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("project_key", Text),  # normalized project name, where there is one: project histories outlive the project
    Column("user_id", Text),  # the person concerned, where it is not the actor
    Column("at", Instant, nullable=False),
    Column("facts", Json, nullable=False),  # never names or addresses of people
    Column("private_hash", Text),  # hex sha256 of salt + private data, or NULL
    Index("ix_journal_project_key_id", "project_key", "id"),
    Index("ix_journal_actor_id_id", "actor_id", "id"),
    Index("ix_journal_user_id_id", "user_id", "id"),
    Index("ix_journal_subject_id_id", "subject_id", "id"),
    Index(
        "ix_journal_factor_removed",
        "user_id",
        "at",
        sqlite_where=text("action = 'factor.remove'"),
        postgresql_where=text("action = 'factor.remove'"),
    ),
    sqlite_autoincrement=True,
)
"""Insert-only: by trigger on SQLite, by trigger and grant on PostgreSQL."""

journal_private = Table(
    "journal_private",
    metadata,
    Column("journal_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("data", Json, nullable=False),  # ip, agent, e-mail addresses
    Column("expires", Instant, nullable=False, index=True),
)

journal_unsealed = Table(
    "journal_unsealed",
    metadata,
    Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        ForeignKey("journal.id"),
        primary_key=True,
        autoincrement=False,
    ),
)

journal_leaf = Table(
    "journal_leaf",
    metadata,
    Column(
        "seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    ),  # from 0, no gaps
    Column("journal_id", BigInteger, ForeignKey("journal.id"), nullable=False, unique=True),
    Column("leaf_hash", LargeBinary, nullable=False),
)

journal_node = Table(
    "journal_node",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)
"""Hashes of complete subtrees above the leaves: proofs in O(log n) reads (RFC 6962, section 2.1)."""

seal = Table(
    "seal",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("previous", BigInteger),
    Column("at", Instant, nullable=False),
    sqlite_autoincrement=True,
)

to_publish = Table(
    "to_publish",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("project_key", Text, nullable=False, index=True),
    Column("journal_id", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("parked", Integer, nullable=False, default=0),  # 1: failed alone; alarmed, retried by an operator
    sqlite_autoincrement=True,
)
"""One row per event, inserted by `record()` only, deleted by the publisher's settle only."""
