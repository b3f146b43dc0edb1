"""Tables of those who lost all their second factors, and of the policy that asks for factors."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Table, Text, text

from bonded.db.base import BigId, Instant, metadata

recovery_request = Table(
    "recovery_request",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("user_id", Text, ForeignKey("user_account.id"), nullable=False),
    Column("state", Text, nullable=False),  # accounts.recovery_request.State
    Column("challenge", Text, nullable=False),  # what is to be shown in a repository; no secret
    Column("asked_at", Instant, nullable=False),
    Column("mail_at", Instant),  # somebody read the mail to the person's address
    Column("token_at", Instant),  # somebody has an API token of theirs
    Column("token_id", Text),
    Column("repository", Text),  # where the challenge is to be seen
    Column("repository_at", Instant),
    Column("waits_until", Instant),
    Column("told_at", Instant),  # the last daily notice
    Column("ready_at", Instant),  # administrators were told
    Column("first_by", Text),  # the administrator who agreed first
    Column("first_at", Instant),
    Column("second_by", Text),
    Column("ended_at", Instant),
    Index(
        "uq_recovery_request_open",
        "user_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    sqlite_autoincrement=True,
)

recovery_link = Table(
    "recovery_link",
    metadata,
    Column("secret_hash", Text, primary_key=True),
    Column("request_id", BigInteger, ForeignKey("recovery_request.id"), nullable=False, index=True),
    Column("purpose", Text, nullable=False),  # accounts.recovery_request.Purpose
    Column("expires_at", Instant, nullable=False),
)
"""Links of mails to the one page of a request. Unlike one-time links they are good as long as the request is open."""

factor_policy = Table(
    "factor_policy",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # always 1
    Column("everybody", Boolean, nullable=False),
    Column("critical_devices", Boolean, nullable=False),
    Column("changed_at", Instant, nullable=False),
)
"""Who must have a second factor, where administrators chose something else than what settings say."""
