"""`bonded migrate --from URL`: an index changes its database and keeps everything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError

from bonded.cli.restore import refuse_running, say
from bonded.db.address import is_address
from bonded.db.engine import Database, open_database
from bonded.wiring import House


def take_over(house: House, old: Database) -> None:
    """Copy all rows of `old` into the house's own database, whose schema is the newest, and close `old`.

    Raises ClickException for a new database with anything in it, Refusal (publisher-runs) while the index runs. Then nothing
    has been copied.
    """
    from bonded.db.copying import NotCopied, copy_rows

    try:
        with house.lock_with(old.engine.url.render_as_string(hide_password=False)).held() as mine:
            if not mine:
                refuse_running()
            with _held(old) as source, house.db.write() as target:
                rows = copy_rows(source, target, told=lambda table, count: say(f"{table}: {count}") if count else None)
    except NotCopied as error:
        raise click.ClickException(f"{error}; nothing was copied") from None
    finally:
        old.close()
    click.echo(f"{rows} rows taken over; the old database is as it was, and no process may use it any more")


def old_database(house: House, url: str) -> Database:
    """The database at `url`. Raises ClickException for an address that is none or the house's own, and for another schema."""
    from bonded.db.revision import current, newest

    kind, mark, _ = url.partition("://")
    if mark and kind not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise click.ClickException("a database is sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME")
    try:
        asked = make_url(url) if is_address(url) else None
    except (ArgumentError, ValueError):
        asked = None
    if asked is None:  # which is not shown: it may hold a password
        raise click.ClickException(
            "--from is no address of a database, such as sqlite:////var/lib/bonded/bonded.db or "
            "postgresql://USER:PASSWORD@HOST:5432/NAME: write special characters of its password as %XX"
        )
    if asked == make_url(house.database_url):
        raise click.ClickException(
            "the settings still name the old database: give `database.url` the address of the new one"
        )
    if asked.get_backend_name() == "sqlite" and not Path(asked.database or "").is_file():
        raise click.ClickException(f"there is no file {asked.database}")
    old = open_database(url)
    if (schema := current(old)) != newest():
        raise click.ClickException(
            f"the old database has schema {schema or 'none'}, and this version's is {newest()}: bring it there "
            "first, with `bonded migrate` and the old address in the settings"
        )
    return old


@contextmanager
def _held(old: Database) -> Iterator[Connection]:
    """One state of the old database; of SQLite, with its lock, so that nobody writes to it meanwhile."""
    with old.write() if old.dialect == "sqlite" else old.read() as connection:
        yield connection
