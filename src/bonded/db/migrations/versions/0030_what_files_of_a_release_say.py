"""what files of a release say that its row does not

Revision ID: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

import bonded.db.base

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "file_metadata",
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("metadata", bonded.db.base.Json(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_file_metadata_file_id_file")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_file_metadata")),
    )


def downgrade() -> None:
    op.drop_table("file_metadata")
