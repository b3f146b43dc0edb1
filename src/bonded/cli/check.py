"""`bonded check ...`: the malware checks."""

from __future__ import annotations

from pathlib import Path

import click

from bonded.cli.check_author import new, pages, test
from bonded.cli.check_known import list_checks, show
from bonded.cli.options import directory_option


@click.group()
def check() -> None:
    """The malware checks."""


for command in (list_checks, show, new, pages, test):
    check.add_command(command)


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
