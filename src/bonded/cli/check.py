"""`bonded check ...`: the malware checks."""

from __future__ import annotations

import click

from bonded.cli.check_author import new, pages, test
from bonded.cli.check_backfill import backfill, schedule
from bonded.cli.check_facts import facts
from bonded.cli.check_known import findings, list_checks, show
from bonded.cli.check_operation import precision, replay, set_state


@click.group()
def check() -> None:
    """The malware checks."""


for command in (list_checks, show, findings, facts, new, pages, test, set_state, backfill, schedule, replay, precision):
    check.add_command(command)
