"""campaigns of review cases, comparisons of files, suppressions that a person ends

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

import bonded.db.base

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_file_trait_file_id", "file_trait", ["file_id"]),
    ("ix_file_case_id", "file", ["case_id"]),
    ("ix_file_uploader_id_uploaded_at", "file", ["uploader_id", "uploaded_at"]),
    ("ix_finding_check_created_at", "finding", ["check", "created_at"]),
    ("ix_review_case_campaign_id", "review_case", ["campaign_id"]),
    ("ix_review_case_state_opened_at", "review_case", ["state", "opened_at"]),
    ("ix_screening_run_check_created_at", "screening_run", ["check", "created_at"]),
)


def upgrade() -> None:
    op.create_table(
        "file_comparison",
        sa.Column("old_file_id", sa.Text(), nullable=False),
        sa.Column("new_file_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", bonded.db.base.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("old_file_id", "new_file_id", name=op.f("pk_file_comparison")),
    )
    op.create_table(
        "file_trait",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "file_id", name=op.f("pk_file_trait")),
    )
    op.add_column("review_case", sa.Column("campaign_id", sa.BigInteger()))
    op.add_column("suppression", sa.Column("ended_at", bonded.db.base.Instant()))
    op.add_column("suppression", sa.Column("case_id", sa.BigInteger()))
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, table, _ in reversed(INDEXES):
        op.drop_index(name, table)
    op.drop_column("suppression", "case_id")
    op.drop_column("suppression", "ended_at")
    op.drop_column("review_case", "campaign_id")
    op.drop_table("file_trait")
    op.drop_table("file_comparison")
