"""Tables of trusted publishing: who may publish by which identity of a build service, and which identities were used."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text, UniqueConstraint

from bonded.db.base import Instant, Json, metadata

publisher = Table(
    "publisher",
    metadata,
    Column("id", Text, primary_key=True),
    Column("project_key", Text, nullable=False, index=True),  # normalized name; of a project to be, where pending
    Column("project_name", Text, nullable=False),  # as whoever added it wrote it
    Column("issuer", Text, nullable=False),  # address of the build service's issuer, as in `iss`
    Column("lookup", Text, nullable=False),  # what finds it by the claims of an identity (accounts.oidc_shapes)
    Column("fields", Json, nullable=False),  # what was filled in, by field
    Column("pins", Json, nullable=False),  # claims that never change for one repository, taken at the first use
    Column("pending", Boolean, nullable=False),  # its project is made by its first upload
    Column("user_id", Text, ForeignKey("user_account.id"), nullable=False, index=True),  # in whose name it publishes
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),  # of a pending one
    Column("used_at", Instant),
    UniqueConstraint(
        "project_key", "user_id", "issuer", "fields", name="uq_publisher_project_key_user_id_issuer_fields"
    ),
    Index("ix_publisher_issuer_lookup", "issuer", "lookup"),
)

used_identity = Table(
    "used_identity",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("jti", Text, primary_key=True),  # or a hash of what was signed, where the issuer gives none
    Column("expires_at", Instant, nullable=False, index=True),  # later than any clock takes the identity
)
"""Identities that were exchanged for a token: each once."""
