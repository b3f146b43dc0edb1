"""What was mailed: one row per journal row and person, so that a job that runs again mails nobody twice."""

from sqlalchemy import BigInteger, Column, Table, Text

from bonded.db.base import Instant, metadata

sent = Table(
    "mail_sent",
    metadata,
    Column("journal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", Text, primary_key=True),
    Column("at", Instant, nullable=False),
)
"""No foreign keys: rows are evidence of what was sent, and outlive accounts."""

unwanted = Table(
    "mail_unwanted",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # mail.kinds: a kind that this person wants no mails of
)
