"""checks by the clock and over history; who set a check's state

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

import bonded.db.base
from bonded.db.base import BigId

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COUNTERS = ("total", "done", "scanned", "skipped", "failed", "found", "cases", "moved")


def upgrade() -> None:
    op.create_table(
        "backfill",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("checks", bonded.db.base.Json(), nullable=False),
        sa.Column("filter", bonded.db.base.Json(), nullable=False),
        sa.Column("act", sa.Boolean(), nullable=False),
        sa.Column("most_cases", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("schedule", sa.Text()),
        sa.Column("cursor", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTERS),
        sa.Column("verdicts", bonded.db.base.Json(), nullable=False),
        sa.Column("started_at", bonded.db.base.Instant(), nullable=False),
        sa.Column("mark_at", bonded.db.base.Instant(), nullable=False),
        sa.Column("mark_done", sa.Integer(), nullable=False),
        sa.Column("seen_at", bonded.db.base.Instant(), nullable=False),
        sa.Column("ended_at", bonded.db.base.Instant()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backfill")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_backfill_state", "backfill", ["state"])
    op.create_table(
        "backfill_part",
        sa.Column("backfill_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["backfill_id"], ["backfill.id"], name=op.f("fk_backfill_part_backfill_id_backfill")),
        sa.PrimaryKeyConstraint("backfill_id", "last", name=op.f("pk_backfill_part")),
    )
    op.create_table(
        "check_schedule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("checks", bonded.db.base.Json(), nullable=False),
        sa.Column("filter", bonded.db.base.Json(), nullable=False),
        sa.Column("act", sa.Boolean(), nullable=False),
        sa.Column("due", bonded.db.base.Instant(), nullable=False),
        sa.Column("last_at", bonded.db.base.Instant()),
        sa.Column("last_backfill", sa.BigInteger()),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("created_at", bonded.db.base.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_check_schedule")),
    )
    op.add_column("check_state", sa.Column("origin", sa.Text(), server_default="person", nullable=False))


def downgrade() -> None:
    op.drop_column("check_state", "origin")
    op.drop_table("check_schedule")
    op.drop_table("backfill_part")
    op.drop_index("ix_backfill_state", "backfill")
    op.drop_table("backfill")
