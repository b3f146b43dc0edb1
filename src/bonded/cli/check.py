"""`bonded check ...`: the malware checks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from bonded.cli.options import directory_option, json_option, print_json


@click.group()
def check() -> None:
    """The malware checks."""


@check.command("list")
@json_option
def list_checks(as_json: bool) -> None:
    """List all checks with version, severity and what they find."""
    from bonded.checks.registry import discover, rules_of

    rows = [
        {
            "name": one.name,
            "version": one.version,
            "severity": one.severity.value,
            "subject": one.subject.value,
            "needs_context": one.needs_context,
            "sentence": one.sentence,
            "rules": rules_of(one),
        }
        for one in discover()
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['name']:40} {row['version']:>3}  {row['severity']:8}  {row['subject']:8}  {row['sentence']}")


@check.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the documentation of the check NAME."""
    from bonded.checks.registry import by_name, rules_of

    one = by_name(name)
    if one is None:
        raise click.ClickException(f"there is no check called {name}; `bonded check list` names them all")
    if as_json:
        print_json(
            {"name": one.name, "version": one.version, "documentation": one.documentation, "rules": rules_of(one)}
        )
        return
    click.echo(f"{one.name}, version {one.version}, {one.severity.value}, about a {one.subject.value}\n")
    click.echo(one.documentation)


@check.command()
@click.argument("name")
@click.argument("sentence")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), help="The folder of checks; else Bonded's own."
)
def new(name: str, sentence: str, into: Path | None) -> None:
    """Write the folder of a new check NAME that finds what SENTENCE says."""
    import bonded.checks
    from bonded.checks.scaffold import CannotScaffold, scaffold

    try:
        files = scaffold(into or Path(bonded.checks.__path__[0]), name, sentence)
    except CannotScaffold as error:
        raise click.ClickException(str(error)) from None
    for file in files:
        click.echo(file)
    click.echo(f"now edit check.py and the samples, and run: bonded check test {name}", err=True)


@check.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def pages(folder: Path) -> None:
    """Write the documentation page of every check into FOLDER."""
    from bonded.checks.pages import write
    from bonded.checks.registry import discover

    for path in write(folder, discover()):
        click.echo(path)


@check.command()
@click.argument("names", nargs=-1)
@click.option(
    "--from", "folder", type=click.Path(path_type=Path, exists=True, file_okay=False), help="A folder of checks."
)
@json_option
def test(names: tuple[str, ...], folder: Path | None, as_json: bool) -> None:
    """Run checks on their samples: all checks, or those that are named. Exit 1 when one is wrong."""
    from bonded.checks.harness import describe, problems, run
    from bonded.checks.registry import BadCheck, discover, in_folder

    try:
        every = in_folder(folder) if folder else discover()
    except BadCheck as error:
        raise click.ClickException(str(error)) from None
    chosen = [one for one in every if not names or one.name in names]
    unknown = set(names) - {one.name for one in chosen}
    if unknown:
        raise click.ClickException(f"there is no check called {', '.join(sorted(unknown))}")
    rows = [
        {"check": one.name, "problems": problems(one), "samples": [describe(o) for o in run(one)]} for one in chosen
    ]
    wrong = [line for row in rows for line in _wrong(row)]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            click.echo(f"{row['check']}: {len(row['samples'])} samples, {len(_wrong(row))} wrong")
        for line in wrong:
            click.echo(f"  {line}")
    if wrong:
        sys.exit(1)


def _wrong(row: Mapping[str, object]) -> list[str]:
    problems, samples = row["problems"], row["samples"]
    assert isinstance(problems, list)
    assert isinstance(samples, list)
    return [*problems, *(f"{row['check']}: {one['sample']}: {one['findings']}" for one in samples if not one["right"])]


@check.command("set-state")
@click.argument("name")
@click.argument("state", type=click.Choice(["enabled", "evaluation", "disabled", "wiped_out"]))
@click.option("--reason", required=True, help="Why, in a sentence; it goes into the journal.")
@directory_option
def set_state(name: str, state: str, reason: str, directory: Path) -> None:
    """Set the state of the check NAME: whether it decides, is evaluated, does not run, or is hidden."""
    from bonded.screening import states
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        states.set_state(tx, OPERATOR, name, states.CheckState(state), reason=reason, now=house.clock())
    click.echo(f"{name} is {state}")
