"""`bonded webhook` and `bonded osv`: who is told of verdicts and decisions, and advisories for everybody."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from bonded.cli.options import directory_option, json_option, print_json
from bonded.values.text import iso
from bonded.wiring import open_house


@click.group()
def webhook() -> None:
    """Webhooks: verdicts and decisions, signed, to another index or a chat."""


@webhook.command("add")
@click.argument("url")
@click.option("--event", "events", multiple=True, help="An event it is told of; may be given again. None: all.")
@click.option("--reason", required=True, help="Whose it is, and what for; kept in the journal.")
@directory_option
def add_webhook(url: str, events: tuple[str, ...], reason: str, directory: Path) -> None:
    """Add a webhook and print its secret, and nothing else, on standard output. The secret is shown this once."""
    from bonded.screening import webhooks
    from bonded.values.who import OPERATOR

    house = open_house(directory)
    with house.db.write() as tx:
        made, secret = webhooks.add(
            tx, OPERATOR, url, events, house.webhook_rules, sealer=house.sealer, reason=reason, now=house.clock()
        )
    click.echo(f"webhook {made}; its secret:", err=True)
    click.echo(secret)


@webhook.command("list")
@directory_option
@json_option
def list_webhooks(directory: Path, as_json: bool) -> None:
    """List webhooks: number, scheme and host of the address, events, and how many deliveries wait."""
    from bonded.screening.webhooks import hooks

    with open_house(directory).db.read() as conn:
        found = hooks(conn)
    if as_json:
        print_json([asdict(one) | {"created_at": iso(one.created_at)} for one in found])
        return
    for one in found:
        click.echo(f"{one.id}  {one.origin}  {', '.join(one.events)}  {one.waiting} waiting")


@webhook.command("test")
@click.argument("number")
@directory_option
def test_webhook(number: str, directory: Path) -> None:
    """Send an event of the kind "test" to a webhook, by the worker."""
    from bonded.screening import webhooks

    house = open_house(directory)
    with house.db.write() as tx:
        made = webhooks.test(tx, number, now=house.clock())
    click.echo(f"delivery {made} is on its way; `bonded webhook list` shows whether it still waits")


@webhook.command("rotate")
@click.argument("number")
@click.option("--reason", required=True, help="Whether it leaked or was only old; kept in the journal.")
@directory_option
def rotate_webhook(number: str, reason: str, directory: Path) -> None:
    """Give a webhook another secret and print it, and nothing else. The old one signs too for a day."""
    from bonded.screening import webhooks
    from bonded.values.who import OPERATOR

    house = open_house(directory)
    with house.db.write() as tx:
        secret = webhooks.rotate(tx, OPERATOR, number, sealer=house.sealer, reason=reason, now=house.clock())
    click.echo(secret)


@webhook.command("remove")
@click.argument("number")
@click.option("--reason", required=True, help="Kept in the journal.")
@directory_option
def remove_webhook(number: str, reason: str, directory: Path) -> None:
    """Remove a webhook and what waits for it."""
    from bonded.screening import webhooks
    from bonded.values.who import OPERATOR

    house = open_house(directory)
    with house.db.write() as tx:
        webhooks.remove(tx, OPERATOR, number, reason=reason, now=house.clock())
    click.echo(f"webhook {number} is removed")


@click.group()
def osv() -> None:
    """Advisories on confirmed malware, in the OSV format."""


@osv.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@directory_option
def export_osv(folder: Path, directory: Path) -> None:
    """Write every advisory into FOLDER, a file for each, withdrawn ones included. What is there already is written anew.

    An advisory is made of what a reviewer rejected or removed with a reason that begins with "malware".
    """
    import orjson

    from bonded.screening.osv import advisories, sync

    house = open_house(directory)
    if not house.osv_settings.prefix:
        raise click.ClickException("service.osv_prefix is empty: no advisories are made. Set the prefix of your ids")
    sync(house.db, house.osv_settings, house.clock())
    with house.db.read() as conn:
        every = advisories(conn)
    folder.mkdir(parents=True, exist_ok=True)
    for one in every:
        whole = folder / f".{one['id']}.json.new"
        whole.write_bytes(orjson.dumps(one, option=orjson.OPT_INDENT_2) + b"\n")
        whole.rename(folder / f"{one['id']}.json")
    click.echo(f"{len(every)} advisories in {folder}", err=True)
