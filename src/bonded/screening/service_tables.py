"""Tables of screening as a service beside another index: submissions, webhooks, reports, what is told the world."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, UniqueConstraint, text

from bonded.db.base import BigId, Instant, Json, metadata

submission = Table(
    "submission",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("token_id", Text, nullable=False),
    Column("idempotency_key", Text),
    Column("asked", Text, nullable=False),  # sha256 of what was asked for: one key never stands for two things
    Column("filename", Text, nullable=False),
    Column("url", Text),  # where it is fetched from; NULL: it came in the request
    Column("sha256", Text),  # NULL until it was fetched
    Column("size", BigInteger),
    Column("vault_key", Text),  # while it waits; NULL afterwards
    Column("state", Text, nullable=False),  # queued, done, failed
    Column("error", Json),  # {"code", "message"} where it failed
    Column("verdict", Text),  # values.states.Verdict
    Column("result", Json),  # as `bonded scan --format jsonl` prints it
    Column("rules", Text),
    Column("created_at", Instant, nullable=False),
    Column("done_at", Instant),
    UniqueConstraint("user_id", "idempotency_key"),
    Index("ix_submission_user_id_sha256", "user_id", "sha256"),
    Index("ix_submission_created_at", "created_at"),
    Index(
        "ix_submission_queued",
        "token_id",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
)
"""Archives of elsewhere. Nothing of them reaches the catalogue."""

webhook = Table(
    "webhook",
    metadata,
    Column("id", Text, primary_key=True),
    Column("url", Text, nullable=False),  # sealed: of many receivers, whoever knows the path may write there
    Column("origin", Text, nullable=False, server_default=""),  # scheme and host, for people
    Column("events", Json, nullable=False),  # names of events
    Column("secret", Text, nullable=False),
    Column("old_secret", Text),  # signs too until `old_until`
    Column("old_until", Instant),
    Column("cursor", BigInteger, nullable=False),  # entries of the sealed journal that were looked at
    Column("created_at", Instant, nullable=False),
)

delivery = Table(
    "webhook_delivery",
    metadata,
    Column("id", Text, primary_key=True),
    Column("webhook_id", Text, nullable=False, index=True),
    Column("event", Text, nullable=False),
    Column("body", Text, nullable=False),  # the JSON that is sent, made once
    Column("state", Text, nullable=False),  # waiting, delivered
    Column("status", Integer),  # of the last answer
    Column("created_at", Instant, nullable=False, index=True),
    Column("delivered_at", Instant),
)

advisory = Table(
    "advisory",
    metadata,
    Column("id", Text, primary_key=True),  # PREFIX-YEAR-NUMBER, as OSV has it
    Column("number", BigId, unique=True, nullable=False),
    Column("project_key", Text, nullable=False, unique=True),
    Column("body", Json, nullable=False),  # without `modified` and `withdrawn`
    Column("published_at", Instant, nullable=False),
    Column("modified_at", Instant, nullable=False),
    Column("withdrawn_at", Instant),
)
"""Confirmed malware, one advisory for each project. Ids are never used again."""

reading = Table(
    "journal_reading",
    metadata,
    Column("name", Text, primary_key=True),
    Column("cursor", BigInteger, nullable=False),  # id of the newest row of the journal that was looked at
)
"""How far somebody has read in the journal."""

report = Table(
    "report",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("project_key", Text, nullable=False, index=True),
    Column("version", Text, nullable=False),  # "" for the whole project
    Column("filename", Text, nullable=False),  # "" for the whole release
    Column("kind", Text, nullable=False),  # malware, spam, impersonation, other
    Column("words", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("user_id", Text, nullable=False),  # "" for somebody who was not logged in
    Column("email", Text),  # personal; deleted a while after the report was closed
    Column("language", Text, nullable=False, server_default=""),  # of the answer; "" is English
    Column("told", Boolean, nullable=False),  # whether the reporter was told how it ended
    Column("state", Text, nullable=False, index=True),  # new, linked, dismissed
    Column("case_id", BigInteger),
    Column("reason", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("closed_at", Instant),
    sqlite_autoincrement=True,
)
"""What people report. A report does nothing by itself."""
