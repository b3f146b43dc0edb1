"""Alembic environment: one connection given by `db.migrate`, batch mode on SQLite."""

from alembic import context

from bonded.db.full_text import ours
from bonded.db.tables import whole

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=whole(),
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=False,
    include_name=ours,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
