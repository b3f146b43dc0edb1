"""alarms that people know of; publications by time

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

import bonded.db.base

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarm",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("raised_at", bonded.db.base.Instant(), nullable=False),
        sa.Column("seen_at", bonded.db.base.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alarm")),
    )
    op.create_index("ix_publication_flipped_at", "publication", ["flipped_at"])


def downgrade() -> None:
    op.drop_index("ix_publication_flipped_at", "publication")
    op.drop_table("alarm")
