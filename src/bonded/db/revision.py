"""Which schema a database has and which this version wants, without loading the migration tool: serving needs no more."""

from __future__ import annotations

from importlib.resources import files

from sqlalchemy import inspect, text

from bonded.db.engine import Database


def current(db: Database) -> str | None:
    """The revision that the database has, None for an empty one."""
    with db.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def newest() -> str:
    """The revision that this code wants: migrations are numbered, `NNNN_what.py`."""
    folder = files("bonded.db") / "migrations" / "versions"
    return max(path.name.partition("_")[0] for path in folder.iterdir() if path.name.endswith(".py"))
