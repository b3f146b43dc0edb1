"""Tables of the way in: addresses of people, registrations that wait, browsers that are known, domains of mail."""

from sqlalchemy import Column, ForeignKey, Index, Table, Text, UniqueConstraint, text

from bonded.db.base import Instant, metadata

email_address = Table(
    "email_address",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("address", Text, nullable=False),
    Column("key", Text, nullable=False),  # in lower case: what is compared
    Column("added_at", Instant, nullable=False),
    Column("verified_at", Instant),  # NULL: nobody has shown that mail arrives there
    Column("lost_at", Instant),  # its mail domain was found to be gone
    UniqueConstraint("user_id", "key", name="uq_email_address_user_id_key"),
    Index(
        "uq_email_address_verified",
        "key",
        unique=True,
        sqlite_where=text("verified_at IS NOT NULL"),
        postgresql_where=text("verified_at IS NOT NULL"),
    ),
)
"""Each account's addresses. Of many accounts that claim one address, one at most has it verified."""

registration = Table(
    "registration",
    metadata,
    Column("id", Text, primary_key=True),  # becomes the id of the account
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),
    Column("email", Text, nullable=False),
    Column("password_hash", Text, nullable=False),  # "" once the account is made
    Column("language", Text),
    Column("secret_hash", Text, unique=True),  # of the newest link; NULL before its mail was written
    Column("link_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("verified_at", Instant),
)
"""Accounts that somebody asked for and whose address is not confirmed. They hold their name, and open nothing."""

registration_invitation = Table(
    "registration_invitation",
    metadata,
    Column("secret_hash", Text, primary_key=True),
    Column("email", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
)

known_device = Table(
    "known_device",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("network", Text, nullable=False),  # of its last login
    Column("ip", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("remembered_until", Instant),  # until then it stands for the second step
)
"""Browsers in which a login of that person succeeded."""

mail_domain = Table(
    "mail_domain",
    metadata,
    Column("domain", Text, primary_key=True),
    Column("asked_at", Instant, nullable=False),
    Column("gone_since", Instant),  # NULL: it takes mail, or nothing is known against it
)
"""What the DNS said about the domains of people's addresses."""
