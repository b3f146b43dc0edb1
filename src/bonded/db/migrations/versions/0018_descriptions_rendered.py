"""descriptions rendered

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

import bonded.db.base

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "description",
        sa.Column("release_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("renderer", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("html", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("rendered_at", bonded.db.base.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_description_release_id_release")),
        sa.PrimaryKeyConstraint("release_id", name=op.f("pk_description")),
    )
    op.create_index(op.f("ix_description_renderer"), "description", ["renderer"])
    # The worker finds these rows by their renderer and fills them in the background.
    op.execute("INSERT INTO description (release_id, outcome, renderer) SELECT id, 'waiting', 0 FROM release")


def downgrade() -> None:
    op.drop_index(op.f("ix_description_renderer"), "description")
    op.drop_table("description")
