"""`bonded fsck`, `job`, `backup`, `restore` and `migrate`: what operators run besides the server."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.options import ROW, directory_option, json_option, print_json
from bonded.cli.restore import restore, say, sqlite_path
from bonded.cli.workers import list_workers
from bonded.values.text import iso
from bonded.wiring import House, open_house

if TYPE_CHECKING:
    from bonded.ops.ground import Sizes
    from bonded.tuf.kept import Kept

__all__ = ["backup", "fsck", "job", "migrate", "restore"]

SECOND_LOOK = 2.0
"""Seconds until fsck looks again at what seems wrong."""

DIRECTORY = click.argument("directory", type=click.Path(path_type=Path, file_okay=False))


@click.command()
@DIRECTORY
@click.option(
    "--without-database", is_flag=True, help="Check the public store alone, such as one whose database is lost or away."
)
@json_option
def fsck(directory: Path, without_database: bool, as_json: bool) -> None:
    """Check that database, vault, public store, journal and metadata agree, seen also through a client's eyes.

    Changes nothing. Prints each disagreement on a line; exit status 1 when there is any. Warnings do not count. How near
    metadata are to the sizes that clients accept goes to standard error.
    """
    from bonded.ops.fsck import ALONE, LOOKS
    from bonded.ops.fsck import fsck as check
    from bonded.ops.ground import Sizes

    house, sizes = open_house(directory), Sizes()
    found = []
    for one in check(
        ground_of(house, sizes, database=not without_database),
        pause=lambda: time.sleep(SECOND_LOOK),
        began=lambda name: say(f"checking {name}"),
        looks=ALONE if without_database else LOOKS,
    ):
        found.append(one)
        if not as_json:
            click.echo(one.line())
    if as_json:
        print_json([asdict(one) for one in found])
    for line in sizes.lines():
        click.echo(line, err=True)
    if any(not one.warning for one in found):
        sys.exit(1)
    say("everything agrees")


def ground_of(house: House, sizes: Sizes, *, database: bool = True) -> Callable[[], Any]:
    """What fsck looks at, as of the moment of each call."""
    from bonded.ops.ground import Ground

    kept, db = kept_of(house, database=database), house.db  # opened by the first who asks it something
    return lambda: Ground(db, house.vault, house.public, root_of(house), house.clock(), sizes, kept, house.directory)


def kept_of(house: House, *, database: bool = True) -> list[Kept]:
    """The copies on this host of what was signed offline; those in the `database` where it can be read."""
    from sqlalchemy.exc import SQLAlchemyError

    from bonded.tuf.kept import ROOT_FILE, kept_files

    given, sqlite = house.directory / ROOT_FILE, sqlite_path(house)
    root = given.read_bytes() if given.exists() else b""
    if not database or (sqlite is not None and not sqlite.exists()):
        return kept_files(house.directory, root, None)  # asking SQLite would make an empty one
    try:
        with house.db.read() as conn:
            return kept_files(house.directory, root, conn)
    except SQLAlchemyError:
        return kept_files(house.directory, root, None)


def root_of(house: House) -> bytes:
    """The root metadata that users are given: keys/root.json, else the first one in the store."""
    given = house.directory / "keys" / "root.json"
    return given.read_bytes() if given.exists() else house.public.get("metadata/1.root.json").data


@click.command()
@DIRECTORY
@click.argument("destination", type=click.Path(path_type=Path))
@click.option("--with-keys", is_flag=True, help="Copy private keys and passphrases too: guard the copy like the keys.")
@click.option("--without-database", is_flag=True, help="The database was backed up with its own tools, before this.")
@json_option
def backup(directory: Path, destination: Path, with_keys: bool, without_database: bool, as_json: bool) -> None:
    """Write a consistent backup of DIRECTORY to DESTINATION: a folder, or a tar file when it ends in .tar.

    The server may be running. Nothing that exists is overwritten.
    """
    from bonded.ops.backup import NOT_SQLITE, Source
    from bonded.ops.backup import backup as write
    from bonded.ops.backup_sink import open_sink
    from bonded.values.refusals import Refusal

    house = open_house(directory)
    database = None if without_database else sqlite_path(house)
    if database is None and not without_database:
        raise Refusal(
            NOT_SQLITE, "the database is PostgreSQL: back it up with its own tools, then use --without-database"
        )
    source = Source(house.directory, database, house.vault, house.public, with_keys)
    with open_sink(destination.absolute()) as sink:
        report = write(source, sink, now=house.clock(), progress=say)
    if as_json:
        print_json(asdict(report) | {"path": str(destination)})
    else:
        click.echo(f"{destination}: {report.objects} objects, {report.size} bytes, publication {report.live}")


@click.command()
@directory_option
@click.option("--web-role", metavar="ROLE", help="PostgreSQL: give this role what `bonded web` needs, and no more")
@click.option("--server-role", metavar="ROLE", help="PostgreSQL: the same for worker, publisher, refresher and serve")
@click.option(
    "--from", "old", metavar="URL", help="First take over everything from another database, into an empty one"
)
def migrate(directory: Path, web_role: str | None, server_role: str | None, old: str | None) -> None:
    """Bring the database to this version's schema. Make a backup first; nothing to do is quick.

    With --from it takes over all rows of the database at URL, which is where the index was until now; the settings name the
    new one. Stop the index first.

    With PostgreSQL, run it as the role that owns the tables, and let the server's processes sign in as others: then
    not even they can change what the journal says.
    """
    from bonded.cli.moving import old_database, take_over
    from bonded.db.grants import Kind, NoSuchRole, check, grant
    from bonded.db.migrate import upgrade
    from bonded.db.revision import current

    house = open_house(directory)
    roles = [(role, kind) for role, kind in ((web_role, Kind.WEB), (server_role, Kind.SERVER)) if role]
    ours = house.db.dialect  # reads its address, before that of the other is compared with it
    if roles and ours != "postgresql":
        raise click.UsageError("SQLite has no roles: whoever may open the file may write to it")
    moving = None if old is None else old_database(house, old)  # before anything is made in the new one
    try:
        with house.db.read() as conn:  # with everything else that may be refused, before a row is copied
            for role, _ in roles:
                check(conn, role)
        before = current(house.db)
        upgrade(house.db, sealer=lambda: house.sealer)
        if moving is not None:
            take_over(house, moving)
        for role, kind in roles:
            with house.db.write() as tx:
                grant(tx, role, kind)
            say(f"{role} may do what {kind} processes need")
    except NoSuchRole as error:
        raise click.ClickException(str(error)) from error
    after = current(house.db)
    click.echo(f"schema {after}: nothing to do" if before == after else f"schema {before or 'empty'} -> {after}")


@click.group()
def job() -> None:
    """Jobs and dead letters: what waits, what failed, retry or discard it."""


@job.command("list")
@directory_option
@click.option("--state", type=click.Choice(["dead", "pending", "running", "any"]), default="dead", show_default=True)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@json_option
def list_jobs(directory: Path, state: str, limit: int, as_json: bool) -> None:
    """List jobs: those that used up their attempts, unless --state says otherwise.

    How the workers and the broker are goes to standard error.
    """
    from bonded.cli.workers import health
    from bonded.ops.dead_letters import letters

    house = open_house(directory)
    with house.db.read() as conn:
        found = letters(conn, state=None if state == "any" else state, limit=limit)
    for line in health(house):
        click.echo(line, err=True)
    if as_json:
        print_json([_plain(asdict(letter)) for letter in found])
        return
    for letter in found:
        error = f"  {letter.last_error.splitlines()[0]}" if letter.last_error else ""
        click.echo(f"{letter.id}  {letter.state}  {letter.key}  attempt {letter.attempt}  due {iso(letter.due)}{error}")


job.add_command(list_workers)


@job.command("retry")
@click.argument("numbers", type=ROW, nargs=-1, required=True)
@click.option("--reason", default="", help="Why it goes well now, for the journal.")
@directory_option
def retry_jobs(numbers: tuple[int, ...], reason: str, directory: Path) -> None:
    """Give dead jobs all their attempts again, now."""
    from bonded.ops.dead_letters import retry
    from bonded.values.who import OPERATOR

    house = open_house(directory)
    with house.db.write() as tx:
        for number in numbers:
            letter = retry(tx, OPERATOR, number, reason=reason, now=house.clock())
            click.echo(f"{letter.key} is due now")


@job.command("discard")
@click.argument("numbers", type=ROW, nargs=-1, required=True)
@click.option("--reason", required=True, help="Why its work need not be done; kept in the journal.")
@directory_option
def discard_jobs(numbers: tuple[int, ...], reason: str, directory: Path) -> None:
    """Delete dead jobs: their work is never done."""
    from bonded.ops.dead_letters import discard
    from bonded.values.who import OPERATOR

    house = open_house(directory)
    with house.db.write() as tx:
        for number in numbers:
            letter = discard(tx, OPERATOR, number, reason=reason, now=house.clock())
            click.echo(f"{letter.key} is discarded")


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: iso(value) if isinstance(value, datetime) else value for key, value in values.items()}
