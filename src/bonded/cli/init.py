"""`bonded init`: make a data directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bonded.wiring import House

TOML = """\
# Settings of this index. Each can also be set in the environment: BONDED_<SECTION>__<KEY>, or BONDED_<KEY>.
# The public address, with a slash at its end.
url = "http://localhost:8000/"
"""
DEV_TOML = """\
# The signing keys were made at once on this machine: this index is for development, and says so everywhere.
dev = true
"""
CEREMONY = """\
An index that others trust begins with a key ceremony: root and targets keys made by several people on machines without a
network, of which this host never sees more than signatures. This version of Bonded cannot hold one yet, so it makes
repositories for development only: add --dev-keys to try it out. Nothing was made."""


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--dev-keys", is_flag=True, help="Make all TUF keys at once, for development; marked everywhere.")
@click.option(
    "--page-bins",
    type=click.IntRange(2, 65_536),
    default=16,
    show_default=True,
    help="Bins for project pages (a power of two).",
)
@click.option(
    "--bins", type=click.IntRange(2, 65_536), default=16, show_default=True, help="Bins for files (a power of two)."
)
@click.option("--admin", metavar="NAME", help="Create an administrator; prints a one-time link to set the password.")
def init(directory: Path, dev_keys: bool, page_bins: int, bins: int, admin: str | None) -> None:
    """Make a data directory: settings, SQLite database, vault, public store and keys."""
    if not dev_keys:
        click.echo(CEREMONY, err=True)
        raise SystemExit(2)
    for name, count in (("--page-bins", page_bins), ("--bins", bins)):
        if count & (count - 1):
            raise click.BadParameter(f"{count} is not a power of two", param_hint=name)
    if directory.exists() and any(directory.iterdir()):
        raise click.ClickException(f"{directory} is not empty: nothing was changed")
    house = _make(directory.absolute(), page_bins, bins)
    click.echo(f"made {directory}: keys for development only, {page_bins} page bins, {bins} file bins")
    if admin:
        click.echo(f"set the password of {admin} once, within a day: {_administrator(house, admin)}")
    click.echo(f"start it with: bonded serve {directory}")


def _make(directory: Path, page_bins: int, bins: int) -> House:
    from bonded.db import migrate
    from bonded.journal import record
    from bonded.tuf.layout import create_dev_repository
    from bonded.values.states import SubjectKind
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    directory.mkdir(parents=True, exist_ok=True, mode=0o750)
    (directory / "bonded.toml").write_text(DEV_TOML + TOML)
    house = open_house(directory)
    now = house.clock()
    migrate.upgrade(house.db)
    create_dev_repository(
        house.public, directory / "keys", page_bins=page_bins, bins=bins, now=now, lifetime=house.settings.tuf.lifetime()
    )  # fmt: skip
    with house.db.write() as tx:
        facts = {"page_bins": page_bins, "bins": bins, "development": True}
        record(tx, "index.init", OPERATOR, (SubjectKind.INDEX, ""), now=now, facts=facts)
    return house


def _administrator(house: House, name: str) -> str:
    from datetime import timedelta

    from bonded.accounts import people
    from bonded.accounts.links import Purpose, make_link
    from bonded.values.who import OPERATOR

    now = house.clock()
    with house.db.write() as tx:
        person = people.create(tx, OPERATOR, name, f"{name}@localhost", is_admin=True, now=now)
        secret = make_link(tx, person.id, Purpose.SET_PASSWORD, now=now, lifetime=timedelta(days=1))
    return house.settings.url.rstrip("/") + f"/account/set-password/{secret}/"
