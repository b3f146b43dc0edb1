"""Which schema a database has and which this version wants, without loading the migration tool: serving needs no more."""

from __future__ import annotations

from importlib.resources import files

from sqlalchemy import inspect, text

from bonded.db.engine import Database


class NewerSchema(Exception):
    """A newer version of this program migrated the database, which this one must leave alone; the message is one sentence."""


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


def refuse_newer(db: Database) -> None:
    """Raise NewerSchema where the database has a revision above all that this code knows: there is no way back down."""
    have, want = current(db), newest()
    if have is not None and have > want:
        raise NewerSchema(
            f"the database has schema {have}, and this version knows none above {want}: a newer version migrated it. "
            "Install that version again, or restore the backup that was made before the update"
        )
