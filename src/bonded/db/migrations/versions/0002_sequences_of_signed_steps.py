"""sequences of signed steps

Revision ID: 0002
Revises: 0001
"""

from alembic import op
import sqlalchemy as sa
import bonded.db.base


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('tuf_sequence',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('steps', bonded.db.base.Json(), nullable=False),
    sa.Column('at', sa.Integer(), nullable=False),
    sa.Column('mark', sa.BigInteger(), nullable=False),
    sa.Column('since', bonded.db.base.Instant(), nullable=False),
    sa.Column('rest', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('says', sa.Text(), nullable=False),
    sa.Column('started_at', bonded.db.base.Instant(), nullable=False),
    sa.Column('ended_at', bonded.db.base.Instant(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tuf_sequence'))
    )
    with op.batch_alter_table('tuf_sequence', schema=None) as batch_op:
        batch_op.create_index('uq_tuf_sequence_running', ['state'], unique=True, sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"))


def downgrade() -> None:
    with op.batch_alter_table('tuf_sequence', schema=None) as batch_op:
        batch_op.drop_index('uq_tuf_sequence_running', sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"))

    op.drop_table('tuf_sequence')
