"""`bonded cache headers|nginx|purge`: what caches in front of the index are told, and purging them by hand."""

from __future__ import annotations

from pathlib import Path

import click

from bonded.cli.options import directory_option, json_option, print_json


@click.group()
def cache() -> None:
    """Caches in front of the index."""


@cache.command()
@directory_option
@json_option
def headers(directory: Path, as_json: bool) -> None:
    """What caches are told about each kind of object, with the settings of this data directory."""
    from bonded.serve.caching import table
    from bonded.wiring import open_house

    rows = table(open_house(directory).serve_settings.times)
    if as_json:
        keys = ("where", "status", "cache_control", "surrogate_control", "keys")
        print_json([{key: getattr(row, key) for key in keys} for row in rows])
        return
    for row in rows:
        click.echo(f"{row.status} {row.where}\n    Cache-Control: {row.cache_control}")
        if row.surrogate_control:
            click.echo(f"    Surrogate-Control: {row.surrogate_control}")


@cache.command()
@directory_option
def nginx(directory: Path) -> None:
    """Print bonded-caching.inc, the part of nginx's configuration that depends on the settings."""
    from bonded.serve.caching_nginx import maps
    from bonded.wiring import open_house

    click.echo(maps(open_house(directory).serve_settings.times), nl=False)


@cache.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@directory_option
def purge(directory: Path, keys: tuple[str, ...]) -> None:
    """Have every cache forget what carries a surrogate KEY, and look whether it did.

    KEY is timestamp, root, project/NAME (project/ for the list of projects), file/PATH in the public store, or store for all
    of it.
    """
    from bonded.seams import PurgeFailed, StorageError
    from bonded.tuf.purge import StillShown, confirm
    from bonded.wiring import open_house

    for key in keys:
        if key not in ("timestamp", "root", "store") and not (
            key.startswith(("project/", "file/")) and key.isprintable()
        ):
            raise click.ClickException(
                f"{key!r} is not a surrogate key: timestamp, root, store, project/NAME or file/PATH"
            )
    house = open_house(directory)
    if not house.purger.active:
        engine, bound = house.settings.purge.engine, house.settings.purge.bound
        raise click.ClickException(
            f'nothing can be purged with `purge.engine = "{engine}"`: caches keep files for {bound:g} seconds and pages for '
            f"{house.settings.tuf.page_ttl:g}"
        )
    try:
        confirm(house.public, house.purger, keys)
    except (PurgeFailed, StillShown, StorageError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{len(set(keys))} keys purged and looked at: {', '.join(house.purger.caches)}", err=True)
