"""`bonded check list` and `bonded check show`: which checks there are, ours and others, and how each stands."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.options import directory_option, json_option, print_json
from bonded.cli.review import visible

if TYPE_CHECKING:
    from bonded.checks.kit import Check
    from bonded.wiring import House

index_option = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="The data directory; else BONDED_DIR or the current folder, if it is one; else no index.",
)


def house_of(directory: Path | None) -> House | None:
    """The house of the data directory that is meant; None where no index is around, and only Bonded's own environment
    counts. Raises SettingsError for a folder that was named and is no data directory."""
    from bonded.checks.outside import provide
    from bonded.telemetry import logs
    from bonded.wiring import open_house, outside_checks, sandbox_for

    logs.configure("text", "error")  # what is refused is printed, once
    named = directory or (Path(os.environ["BONDED_DIR"]) if os.environ.get("BONDED_DIR") else None)
    if named is not None or Path("bonded.toml").is_file():
        return open_house(named or Path())
    provide(outside_checks((), None, lambda: sandbox_for("auto")))
    return None


@click.command("list")
@index_option
@json_option
def list_checks(directory: Path | None, as_json: bool) -> None:
    """List all checks with version, severity, state and what they find, and those that were refused with the reason."""
    from bonded.checks.outside import outside
    from bonded.checks.registry import discover

    states = _states(house_of(directory))
    rows = [_row(one, states) for one in discover()]
    refused = [{"name": one.name, "origin": one.origin, "refused": one.reason} for one in outside().refused]
    if as_json:
        print_json([*rows, *refused])
        return
    for row in rows:
        state = row["state"] or "-"
        click.echo(f"{row['name']:40} {row['version']:>3}  {row['severity']:8}  {state:10}  {row['sentence']}")
        if row["origin"]:
            click.echo(f"{'':45}from {row['origin']}")
    for bad in refused:
        click.echo(f"{bad['name']:40}   -  refused             {bad['refused']}")


def _states(house: House | None) -> dict[str, str] | None:
    """The state of each check; None without an index."""
    from bonded.checks.registry import discover
    from bonded.screening.states import state_of, states

    if house is None:
        return None
    with house.db.read() as conn:
        known = states(conn)
    new = house.screening.settings.new_checks
    return {one.name: state_of(one, known, new).value for one in discover()}


def _row(one: Check, states: dict[str, str] | None) -> dict[str, Any]:
    from bonded.checks.registry import rules_of

    return {
        "name": one.name,
        "version": one.version,
        "severity": one.severity.value,
        "subject": one.subject.value,
        "needs_context": one.needs_context,
        "sentence": one.sentence,
        "rules": rules_of(one),
        "origin": one.origin,
        "state": states[one.name] if states is not None else "",
    }


@click.command()
@click.argument("name")
@index_option
@json_option
def show(name: str, directory: Path | None, as_json: bool) -> None:
    """Show the check NAME: documentation, version and rules, and on an index its state and how often it finds something."""
    from bonded.checks.outside import outside
    from bonded.checks.registry import by_name

    house = house_of(directory)
    one = by_name(name)
    if one is None:
        reason = next((bad.reason for bad in outside().refused if bad.name == name), "")
        raise click.ClickException(reason or f"there is no check called {name}; `bonded check list` names them all")
    row = _row(one, _states(house)) | {"documentation": one.documentation} | _hits(house, one)
    if as_json:
        print_json(row)
        return
    click.echo(f"{one.name}, version {one.version}, {one.severity.value}, about a {one.subject.value}")
    click.echo(f"rules {row['rules']}" + (f", from {one.origin}" if one.origin else ""))
    if house is not None:
        now = row["hits"]
        click.echo(f"state {row['state']}; found something in {now['hit']} of {now['screened']} ({now['share']:.1%})")
        if now["hit_by_these_rules"] is not None:
            click.echo(f"with the rules as they are: {now['hit_by_these_rules']} of {now['screened_by_these_rules']}")
    click.echo(f"\n{one.documentation}")


def _hits(house: House | None, one: Check) -> dict[str, Any]:
    from bonded.checks.registry import rules_of
    from bonded.screening.hits import hit_rate

    if house is None:
        return {}
    with house.db.read() as conn:
        every, now = hit_rate(conn, one.name), hit_rate(conn, one.name, rules_of(one))
    figures = {"screened": every.screened, "hit": every.hit, "share": round(every.share, 6)}
    return {"hits": figures | {"screened_by_these_rules": now.screened, "hit_by_these_rules": now.hit}}


@click.command()
@click.argument("name")
@click.option("--most", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Findings to list.")
@directory_option
@json_option
def findings(name: str, most: int, directory: Path, as_json: bool) -> None:
    """List what the check NAME found last, in whatever state it was and whatever became of the file.

    Each with its file and the file's state, how grave and how sure it is, when the code runs, and where it stands.
    """
    from bonded.checks.registry import by_name
    from bonded.screening.hits import newest
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.read() as conn:
        found = newest(conn, name, most)
    if not found and by_name(name) is None:
        raise click.ClickException(f"there is no check called {name}; `bonded check list` names them all")
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        file = f"{one.filename} ({one.state})" if one.filename else "a file that is gone"
        where = f"{one.path}:{one.line}" if one.line else one.path
        click.echo(f"{one.at:%Y-%m-%d %H:%M}  {visible(file)}: {one.severity}, {one.confidence:.0%}, runs: {one.when}")
        click.echo(f"    {visible(one.message)}" + (f" ({visible(where)})" if where else ""))
