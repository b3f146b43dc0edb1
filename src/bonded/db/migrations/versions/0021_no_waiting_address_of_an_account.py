"""no waiting address of an account: addresses have a table of their own since 0017

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("user_account", "new_email")  # in place: what refers to the table stays as it is


def downgrade() -> None:
    op.add_column("user_account", sa.Column("new_email", sa.Text()))
