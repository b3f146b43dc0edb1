"""`bonded tuf status|refresh`: keys and signed metadata; the other commands of the group are in files of their own."""

from __future__ import annotations

import importlib
import sys
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.options import directory_option, json_option, print_json
from bonded.cli.rotation import change_of, print_change
from bonded.cli.signing import told
from bonded.values.text import iso
from bonded.wiring import open_house

if TYPE_CHECKING:
    from bonded.tuf.status import Status

LATER: dict[str, tuple[str, str, str]] = {
    "ceremony": ("bonded.cli.ceremony", "ceremony", "Hold a key ceremony."),
    "key": ("bonded.cli.ceremony", "key", "Make a private key for a ceremony."),
    "sign": ("bonded.cli.ceremony_sign", "sign", "Sign the metadata of a ceremony."),
    "verify-transcript": ("bonded.cli.ceremony_sign", "verify_transcript", "Check the transcript of a ceremony."),
    "export": ("bonded.cli.ceremony_import", "export", "Write the file to carry to a ceremony."),
    "compare": ("bonded.cli.recovery", "compare", "Compare the live bins with the public record."),
    "recover": ("bonded.cli.recovery", "recover", "Recover from the public record."),
    "put-back": ("bonded.cli.recovery", "put_back", "Put back offline files that were damaged in the public store."),
    "rekey": ("bonded.cli.recovery", "rekey", "Make new online keys after a compromise, for development."),
    "rotate": ("bonded.cli.rotation", "rotate", "Change keys, in steps that no client notices."),
    "resize": ("bonded.cli.rotation", "resize", "Change the number of bins while the index is used."),
    "import": ("bonded.cli.ceremony_import", "import_", "Take the bundle of a ceremony into the index."),
}
"""Command -> module, attribute, one line of help; for commands in files of their own, imported when they are used."""


class Later(click.Group):
    """A group whose further commands are imported only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *LATER]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in LATER:
            return super().get_command(ctx, cmd_name)
        module, attribute, _ = LATER[cmd_name]
        found = getattr(importlib.import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        here = [(name, command.get_short_help_str()) for name, command in sorted(self.commands.items())]
        with formatter.section("Commands"):
            formatter.write_dl([*here, *((name, line) for name, (_, _, line) in LATER.items())])


@click.group(cls=Later)
def tuf() -> None:
    """Keys and signed metadata."""


@tuf.command()
@directory_option
@json_option
def status(directory: Path, as_json: bool) -> None:
    """Show what is live, what expires when, and what waits. Exit status 1 when something needs a person."""
    from bonded.tuf.status import status as read

    house = open_house(directory)
    now = house.clock()
    found = read(house.db, house.public, now)
    if as_json:
        print_json(_json(_plain(found) | {"change": change_of(house)}))
    else:
        _print_status(found, now)
        print_change(change_of(house))
    if found.alarms:
        sys.exit(1)


def _print_status(found: Status, now: datetime) -> None:
    if found.development:
        click.echo("DEVELOPMENT KEYS: all keys are on this machine. Not for real users.")
    click.echo(f"live publication {found.live}, attempt {found.attempt}, content {found.content}")
    if found.signed_at:
        click.echo(f"  timestamp signed at {iso(found.signed_at)}, {_seconds(now - found.signed_at)} ago")
    for role in found.roles:
        where = "online" if role.online else "offline"
        keys = ", ".join(key[:8] for key in role.keys)
        left = role.left(now)
        days = f"{left.days} d {left.seconds // 3600} h"
        click.echo(
            f"  {role.name:<10} version {role.version:<12} {where:<8} expires in {days:<12} "
            f"threshold {role.threshold} of {len(role.keys)}: {keys}"
        )
    for bins in found.bin_sets:
        click.echo(f"  {bins.prefix:<12} {bins.count} bins under {bins.role}, generation {bins.generation}")
    first = f", the first expires at {iso(found.next_bin_expiry)}" if found.next_bin_expiry else ""
    click.echo(
        f"  {found.bins} bins{first}; the longest {found.longest_bin} bytes, snapshot {found.snapshot_bytes} bytes"
    )
    click.echo(
        f"waiting: {found.rows_waiting} changes, {found.rows_parked} parked; {found.superseded} objects to sweep"
    )
    if found.change:
        click.echo(f"under way: {found.change.kind}, since {iso(found.change.since)}: {found.change.says}")
    for queue in found.queues:
        due = f", the oldest due at {iso(queue.oldest_due)}" if queue.oldest_due else ""
        due += f", {_seconds(now - queue.oldest_made)} behind" if queue.oldest_made else ""
        click.echo(f"  {queue.waiting} {queue.name} jobs, {queue.dead} dead{due}")
    for flip in found.flips[:5]:
        took = f", visible {_seconds(flip.flipped_at - flip.opened_at)} after it was signed" if flip.flipped_at else ""
        when = iso(flip.flipped_at or flip.opened_at)
        click.echo(f"  {flip.n}  {flip.kind}  {when}  {flip.changes} changes{took}")
    for alarm in found.alarms:
        click.echo(f"ALARM {alarm.kind} ({alarm.severity}): {alarm.sentence()} {alarm.advice()}", err=True)


def _seconds(time: timedelta) -> str:
    return f"{time.total_seconds():.1f} s"


def _plain(found: Status) -> dict[str, Any]:
    """The status as JSON has it: alarms with their words, times in seconds."""
    told = [
        {"kind": a.kind, "key": a.key, "severity": str(a.severity), "sentence": a.sentence(), "advice": a.advice()}
        for a in found.alarms
    ]
    whole = asdict(found) | {"alarms": told, "lifetime": found.lifetime.total_seconds()}
    whole["bin_sets"] = [asdict(one) | {"generation": one.generation} for one in found.bin_sets]
    del whole["faults"]
    return whole


@tuf.command()
@directory_option
@click.option(
    "--accept-clock",
    is_flag=True,
    help="The clock of this machine is right, although it is behind the last publication, or more than a day ahead of it.",
)
def refresh(directory: Path, accept_clock: bool) -> None:
    """Renew timestamp, snapshot and bins that are due, once. The server does this by itself."""
    from dataclasses import replace

    from bonded.tuf.refresh import refresh as renew

    house = open_house(directory)
    publisher = replace(house.publisher, settings=replace(house.tuf_settings, accept_clock=accept_clock))
    with told():
        click.echo(str(renew(publisher, house.clock())))


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    return [_json(item) for item in value] if isinstance(value, list | tuple) else value
