"""Migrations: bringing a database to the newest schema, and writing the next one."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from bonded.db import full_text
from bonded.db.engine import Database
from bonded.db.grants import INSERT_ONLY
from bonded.db.revision import refuse_newer
from bonded.db.tables import whole

VERBS = {"sqlite": ("UPDATE", "DELETE"), "postgresql": ("UPDATE", "DELETE", "TRUNCATE")}
"""What the database itself refuses in the insert-only tables."""

LOCK = 0x626F6E6465640003
"""Of the advisory lock on PostgreSQL."""


class Seals(Protocol):
    """Seals secrets, bound to the row that they belong to (accounts.sealing)."""

    def seal(self, secret: bytes, bound_to: str) -> bytes: ...

    def open(self, sealed: bytes, bound_to: str) -> bytes: ...


def upgrade(db: Database, to: str = "head", *, sealer: Callable[[], Seals] | None = None) -> None:
    """Bring the database to the newest schema, or to the revision `to`, in one transaction; nothing to do is quick.

    `sealer` is asked for when the database has secrets in the clear, as older versions left them. Of several that do this at
    once, each waits for the one before. Raises NewerSchema.
    """
    refuse_newer(db)
    with db.write() as connection:
        if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        config = _config(connection)
        config.attributes["sealer"] = sealer
        command.upgrade(config, to)
        protect(connection)
        full_text.prepare(connection)


def differences(db: Database) -> list[Any]:
    """What the migrated database lacks or has too much of against the code's tables; [] is right."""
    with db.read() as connection:
        options = {"compare_type": False, "include_name": full_text.ours}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), whole()))


def protect(connection: Connection) -> None:
    """Make the insert-only tables insert-only, by trigger."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text(
                "CREATE OR REPLACE FUNCTION bonded_insert_only() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END $$"
            )
        )
    for table in INSERT_ONLY:
        for verb in VERBS[connection.dialect.name]:
            connection.execute(text(_trigger(connection.dialect.name, table, verb)))


def _trigger(dialect: str, table: str, verb: str) -> str:
    name = f"{table}_no_{verb.lower()}"
    if dialect == "sqlite":
        refuse = f"SELECT RAISE(ABORT, '{table} is insert-only')"
        return f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {verb} ON {table} BEGIN {refuse}; END"
    each = "STATEMENT" if verb == "TRUNCATE" else "ROW"
    return f"CREATE OR REPLACE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH {each} EXECUTE FUNCTION bonded_insert_only()"


def write_next(db: Database, words: str) -> Path | None:
    """Write the migration that brings the newest schema to the tables in the code; None when they agree. `words` name it.

    `db` is an empty database. The file is a draft: read it, and run the tests on both databases.
    """
    upgrade(db)
    if not differences(db):
        return None
    folder = Path(str(files("bonded.db") / "migrations" / "versions"))
    number = f"{len(list(folder.glob('0*.py'))) + 1:04d}"
    with db.write() as connection:
        command.revision(_config(connection), words, autogenerate=True, rev_id=number)
    (path,) = folder.glob(f"{number}_*.py")
    return path


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("bonded.db") / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


if __name__ == "__main__":  # python -m bonded.db.migrate "what changes"
    import sys
    import tempfile

    from bonded.db.engine import open_database

    with tempfile.TemporaryDirectory() as where:
        made = write_next(open_database(f"sqlite:///{where}/empty.db"), " ".join(sys.argv[1:]) or "changes")
        print(made.name if made else "the tables in the code are those of the newest migration")  # noqa: T201
