"""`bonded metrics`: the figures of this machine, for a host whose processes answer no HTTP."""

from __future__ import annotations

from pathlib import Path

import click

from bonded.cli.options import directory_option
from bonded.wiring import open_house


@click.command()
@directory_option
def metrics(directory: Path) -> None:
    """Print the figures of all processes of this machine, as /metrics tells them.

    For machines that run a publisher, a worker or a refresher and no web process: write the output to a file that a node
    exporter reads. What database and store say is told by every machine: let Prometheus take it from one.
    """
    from bonded.telemetry.metrics import render

    house = open_house(directory)
    click.echo(render(house.levels(), house.metrics_folder), nl=False)
