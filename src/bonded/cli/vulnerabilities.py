"""`bonded vulnerability`: import a feed of known vulnerabilities, see how it stands, and what it says of a project."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from bonded.cli.options import directory_option, json_option, print_json
from bonded.values.text import iso
from bonded.wiring import open_house


@click.group()
def vulnerability() -> None:
    """Known vulnerabilities of the projects here, from a feed in the OSV format."""


@vulnerability.command("import")
@click.argument("source", required=False)
@click.option("--add", is_flag=True, help="Keep what is there already and the feed does not have.")
@directory_option
@json_option
def import_feed(source: str | None, add: bool, directory: Path, as_json: bool) -> None:
    """Import the folder, zip archive or https address SOURCE, or the feed of the settings.

    The feed is read wholly first; one with anything wrong changes nothing. Hosts of addresses are those that the setting
    vulnerabilities.hosts names.
    """
    from bonded.ops import vulnerability_feed
    from bonded.values.who import OPERATOR

    house = open_house(directory)
    settings = house.feed_settings
    if not (source or settings.source):
        raise click.UsageError("name a SOURCE, or set vulnerabilities.feed")
    merged = vulnerability_feed.import_feed(
        house.db, settings, source or settings.source, OPERATOR, house.clock(), keep=add
    )
    if as_json:
        print_json(asdict(merged) | {"projects": sorted(merged.projects)})
        return
    click.echo(
        f"{merged.records} records: {merged.added} new, {merged.changed} changed, {merged.dropped} gone; "
        f"{len(merged.projects)} projects touched"
    )


@vulnerability.command("status")
@directory_option
@json_option
def status(directory: Path, as_json: bool) -> None:
    """How the feed of the settings stands. Exit status 1 when its last import failed."""
    from bonded.ops import vulnerability_feed

    house = open_house(directory)
    found = vulnerability_feed.state(house.db)
    trouble = found.trouble(house.clock()) if found else ""
    if as_json:
        imported = iso(found.imported_at) if found and found.imported_at else None
        newest = iso(found.newest) if found and found.newest else None
        times = {"imported_at": imported, "newest": newest, "problem": trouble}
        print_json(asdict(found) | {"tried_at": iso(found.tried_at)} | times if found else {})
    elif found is None:
        click.echo("no feed was imported by the clock yet")
    else:
        last = iso(found.imported_at) if found.imported_at else "never"
        newest = f", the newest of {iso(found.newest)}" if found.newest else ""
        click.echo(f"{found.source}: {found.records} records{newest}, imported {last}")
        if trouble:
            click.echo(f"last tried {iso(found.tried_at)}: {trouble}")
    if trouble:
        raise SystemExit(1)


@vulnerability.command("list")
@click.argument("project")
@click.argument("version", required=False)
@directory_option
@json_option
def list_of(project: str, version: str | None, directory: Path, as_json: bool) -> None:
    """What is known of PROJECT, or of one VERSION of it."""
    from bonded.catalog import vulnerabilities
    from bonded.values.names import normalize

    key = normalize(project)
    with open_house(directory).db.read() as conn:
        found = vulnerabilities.of_projects(conn, [key]).get(key, [])
    if version is not None:
        found = vulnerabilities.of_version(found, version)
    if as_json:
        print_json([{"id": v.id, "aliases": v.aliases, "summary": v.summary, "fixed_in": v.fixed, "link": v.link,
                     "withdrawn": iso(v.withdrawn) if v.withdrawn else None} for v in found])  # fmt: skip
        return
    for one in found:
        fixed = f"repaired in {', '.join(one.fixed)}" if one.fixed else "not repaired"
        gone = " (withdrawn)" if one.withdrawn else ""
        click.echo(f"{one.id}{gone}  {one.summary or one.details[:80]}  {fixed}")
