"""what few rows of long tables say is found without the others

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

PARTS = (
    ("ix_journal_factor_removed", "journal", ["user_id", "at"], "action = 'factor.remove'"),
    (
        "ix_finding_claim",
        "finding",
        ["subject_kind", "subject_id", "file_id"],
        "severity IN ('medium', 'high', 'critical') AND run_when <> 'never'",
    ),
    ("ix_submission_queued", "submission", ["token_id"], "state = 'queued'"),
)


def upgrade() -> None:
    for name, table, columns, where in PARTS:
        op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    for name, table, _columns, where in PARTS:
        op.drop_index(name, table, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
