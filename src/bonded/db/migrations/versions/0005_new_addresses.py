"""e-mail addresses that wait for their confirmation

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user_account", sa.Column("new_email", sa.Text()))


def downgrade() -> None:
    op.drop_column("user_account", "new_email")
