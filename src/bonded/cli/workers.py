"""`bonded job workers`: which workers are alive, on which machines, and what waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bonded.cli.options import directory_option, json_option, print_json
from bonded.values.text import iso
from bonded.wiring import House, open_house


@click.command("workers")
@directory_option
@json_option
def list_workers(directory: Path, as_json: bool) -> None:
    """List the workers of all machines, each lane with its threads, and the queues with what waits in them."""
    from bonded.db.workers import workers
    from bonded.ops.dead_letters import totals

    house = open_house(directory)
    if not as_json:
        for line in health(house):
            click.echo(line)
        return
    now = house.clock()
    with house.db.read() as conn:
        found, waiting = workers(conn), totals(conn)
    told = [_plain(asdict(one)) | {"alive": one.alive(now)} for one in found]
    print_json({"workers": told, "queues": [_plain(asdict(one)) for one in waiting]})


def health(house: House) -> Iterator[str]:
    """One line for each worker, one for each queue that has jobs, one for the broker where it is away."""
    from bonded.db.workers import workers
    from bonded.ops.dead_letters import totals

    now = house.clock()
    with house.db.read() as conn:
        found, waiting = workers(conn), totals(conn)
    if not any(one.alive(now) for one in found):
        yield "no worker is alive"
    for one in found:
        since = f"{(now - one.seen_at).total_seconds():.0f} s ago"
        state = f"seen {since}" if one.alive(now) else f"SILENT since {iso(one.seen_at)}"
        counts = f"{one.busy} of {one.threads} busy, {one.done} done, {one.failed} failed"
        yield f"worker {one.host}:{one.pid}  {one.lane} ({one.engine}: {', '.join(one.queues)})  {counts}  {state}"
        if one.alive(now) and one.broker.get("away"):
            yield f"BROKER AWAY as seen by {one.host}:{one.pid}: {one.broker['away']}"
    for queue in waiting:
        yield f"queue {queue.queue}: {queue.count} {queue.state}, the oldest due {iso(queue.oldest)}"


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: iso(value) if isinstance(value, datetime) else value for key, value in values.items()}
