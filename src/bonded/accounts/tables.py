"""Tables of people and of what proves who they are."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from bonded.db.base import Instant, Json, metadata

user = Table(
    "user_account",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),  # confusable-folded form
    Column("email", Text, nullable=False),
    Column("password_hash", Text),  # NULL until set
    Column("state", Text, nullable=False),  # values.states.AccountState
    Column("is_admin", Boolean, nullable=False, default=False),
    Column("language", Text),
    Column("created_at", Instant, nullable=False),
    Column("password_void_at", Instant),  # the password is known from leaks: it opens nothing until it is reset
    Column("first_login_at", Instant),
)

session = Table(
    "session",
    metadata,
    Column("id_hash", Text, primary_key=True),  # hex sha256 of the cookie's secret
    Column("id", Text, nullable=False, unique=True),  # opaque id for lists and the journal
    Column("user_id", Text, ForeignKey("user_account.id"), index=True),  # NULL: not logged in (holds csrf and flash)
    Column("csrf", Text, nullable=False),
    Column("data", Json, nullable=False),
    Column("ip", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("confirmed_at", Instant),  # last step-up: password today, second factors later
)

token = Table(
    "token",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),  # root key of the macaroon, sealed (accounts.sealing)
    Column("projects", Json, nullable=False),  # [] = all projects of the user, else normalized names
    Column("permissions", Json, nullable=False),  # subset of the scopes in values.actions
    Column("networks", Json, nullable=False, server_default="[]"),  # [] = from anywhere, else CIDR
    Column("operator", Boolean, nullable=False, default=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("used_ip", Text),
    Column("used_agent", Text),  # of whatever used it last, shortened (tokens.short_agent)
    Column("revoked_at", Instant),
    Column("first_upload", Boolean, nullable=False, default=False, server_default=false()),  # until it made its project
    Column("publishers", Json, nullable=False, server_default="[]"),  # ids, of a short-lived token of a CI identity
    Column("reminded", Integer),  # days before the end that its owner was reminded of last
    Index("ix_token_user_id_name", "user_id", "name"),
    Index("ix_token_expires_at", "expires_at"),
)

link = Table(
    "one_time_link",
    metadata,
    Column("secret_hash", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),  # what exactly it is for, such as which address
    Column("user_id", Text, ForeignKey("user_account.id"), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
)

factor = Table(
    "factor",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),  # accounts.factors.Kind
    Column("label", Text, nullable=False),
    Column("secret", LargeBinary),  # of an authentication app, sealed (accounts.sealing)
    Column("last_step", BigInteger, nullable=False, default=0),  # time step of the last accepted code
    Column("credential", LargeBinary, unique=True),  # id of a security device's credential
    Column("public_key", LargeBinary),
    Column("sign_count", BigInteger, nullable=False, default=0),
    Column("transports", Json, nullable=False, default=list),
    Column("passkey", Boolean, nullable=False, default=False),  # signs in without a password
    Column("backed_up", Boolean, nullable=False, default=False),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant),
    UniqueConstraint("user_id", "label", name="uq_factor_user_id_label"),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("user_id", Text, ForeignKey("user_account.id"), primary_key=True),
    Column("code_hash", Text, primary_key=True),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant),
)
