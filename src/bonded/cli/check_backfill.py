"""`bonded check backfill` and `bonded check schedule`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.check_selecting import selecting, selection
from bonded.cli.options import ROW, directory_option, json_option, print_json

if TYPE_CHECKING:
    from bonded.screening.backfill import Backfill
    from bonded.screening.schedule import Schedule
    from bonded.wiring import House

REASON = click.option("--reason", default="", help="Why, for the journal; needed with --act.")


@click.command()
@click.argument("names", nargs=-1)
@selecting
@click.option("--act", is_flag=True, help="Withdraw public files that policy rejects; else they only get a case.")
@click.option(
    "--most-cases", type=click.IntRange(1, 10**9), default=200, show_default=True, help="Pause after so many cases."
)
@click.option("--wait", is_flag=True, help="Show progress until it ends or pauses; workers do the work.")
@click.option("--status", is_flag=True, help="Show backfills: progress, rate, what was found.")
@click.option("--pause", type=ROW, metavar="NUMBER", help="Pause a backfill.")
@click.option("--resume", type=ROW, metavar="NUMBER", help="Go on with a paused one.")
@click.option("--cancel", type=ROW, metavar="NUMBER", help="End one where it is; what it found stays.")
@REASON
@directory_option
@json_option
def backfill(
    names: tuple[str, ...],
    act: bool,
    most_cases: int,
    wait: bool,
    status: bool,
    pause: int | None,
    resume: int | None,
    cancel: int | None,
    reason: str,
    directory: Path,
    as_json: bool,
    **words: Any,
) -> None:
    """Run the checks NAMES over files that are here already, behind everything else that the workers do.

    Findings are stored. Cases are opened where a check that is enabled makes policy ask for one. Prints the number.
    """
    from bonded.screening import backfill as room
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    turns = [(room.pause, pause), (room.resume, resume), (room.cancel, cancel)]
    asked = [(turn, number) for turn, number in turns if number is not None]
    if len(asked) + status + bool(names) != 1:
        raise click.UsageError("name checks to begin, or give one of --status, --pause, --resume and --cancel")
    house = open_house(directory)
    if status:
        _status(house, as_json)
        return
    number = 0
    with house.db.write() as tx:
        for turn, number in asked:
            turn(tx, OPERATOR, number, now=house.clock(), reason=reason)
        if names:
            new, wanted = house.screening_settings.new_checks, selection(words)
            number = room.start(
                tx,
                OPERATOR,
                names,
                wanted,
                now=house.clock(),
                act=act,
                most_cases=most_cases,
                new=new,
                reason=reason,
            )
    if wait:
        _wait(house, number)
    with house.db.read() as conn:
        found = room.read(conn, number)
    if as_json:
        print_json(_json(found))
    else:
        click.echo(_line(found))


def _status(house: House, as_json: bool) -> None:
    from bonded.screening.backfill import newest

    with house.db.read() as conn:
        rows = newest(conn)
    if as_json:
        print_json([_json(row) for row in rows])
        return
    for row in rows:
        click.echo(_line(row))


def _wait(house: House, number: int) -> None:
    from bonded.screening.backfill import BackfillState, read

    shown = sys.stderr.isatty()
    while True:
        with house.db.read() as conn:
            found = read(conn, number)
        if shown:
            click.echo(
                f"\r{found.done} of {found.total} files, {found.rate():.1f}/s, {found.found} findings ",
                nl=False,
                err=True,
            )
        if found.state is not BackfillState.RUNNING:
            if shown:
                click.echo(err=True)
            return
        time.sleep(0.5)


def _line(one: Backfill) -> str:
    share = f"{one.done} of {one.total} files"
    left = one.remaining()
    rate = f", {one.rate():.1f}/s" + (f", {left} left" if left is not None else "") if one.rate() else ""
    found = f"{one.found} findings, {one.cases} in cases" + (f", {one.moved} withdrawn" if one.moved else "")
    more = [
        one.says,
        f"{one.failed} archives are missing" if one.failed else "",
        f"{one.given_up} parts were given up: `bonded job list`" if one.given_up else "",
        ", ".join(f"{turn}: {number}" for turn, number in sorted(one.verdicts.items())),
    ]
    tail = "".join(f"; {words}" for words in more if words)
    return f"{one.id}\t{one.state}\t{share}{rate}\t{', '.join(one.checks)} over {one.selection.words()}\t{found}{tail}"


def _json(one: Backfill) -> dict[str, Any]:
    left = one.remaining()
    names = (
        "id",
        "says",
        "schedule",
        "act",
        "total",
        "done",
        "scanned",
        "skipped",
        "failed",
        "found",
        "cases",
        "moved",
    )
    return {name: getattr(one, name) for name in names} | {
        "checks": list(one.checks),
        "filter": one.selection.as_json(),
        "state": str(one.state),
        "verdicts": one.verdicts,
        "parts_given_up": one.given_up,
        "files_per_second": one.rate(),
        "seconds_left": left.total_seconds() if left is not None else None,
        "started_at": one.started_at,
        "ended_at": one.ended_at,
    }


@click.group()
def schedule() -> None:
    """Checks that run by the clock."""


@schedule.command("list")
@directory_option
@json_option
def list_schedules(directory: Path, as_json: bool) -> None:
    """List schedules: when each is due, and how the last run went."""
    from bonded.screening.schedule import schedules
    from bonded.wiring import open_house

    with open_house(directory).db.read() as conn:
        rows = schedules(conn)
    if as_json:
        print_json([_schedule_json(row) for row in rows])
        return
    for row in rows:
        act = ", acts" if row.act else ""
        click.echo(
            f"{row.name}\t{row.cron}\tdue {row.due:%Y-%m-%d %H:%M}\t"
            f"{', '.join(row.checks)} over {row.selection.words()}{act}\t{row.says}"
        )


def _schedule_json(one: Schedule) -> dict[str, Any]:
    names = ("name", "cron", "act", "due", "last_at", "last_backfill", "says", "created_at")
    return {name: getattr(one, name) for name in names} | {
        "checks": list(one.checks),
        "filter": one.selection.as_json(),
    }


@schedule.command("add")
@click.argument("name")
@click.argument("cron")
@click.argument("checks", nargs=-1, required=True)
@selecting
@click.option("--act", is_flag=True, help="Withdraw public files that policy rejects.")
@REASON
@directory_option
def add(name: str, cron: str, checks: tuple[str, ...], act: bool, reason: str, directory: Path, **words: Any) -> None:
    """Run CHECKS by the clock, as a backfill. CRON has five fields, in UTC: "30 3 * * *" is every night at 3:30."""
    from bonded.screening import schedule as room
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    new = house.screening_settings.new_checks
    with house.db.write() as tx:
        due = room.add(
            tx, OPERATOR, name, cron, checks, selection(words), now=house.clock(), act=act, new=new, reason=reason
        )
    click.echo(f"{name} is due at {due:%Y-%m-%d %H:%M} UTC")


@schedule.command("remove")
@click.argument("name")
@click.option("--reason", default="", help="Why, for the journal.")
@directory_option
def remove(name: str, reason: str, directory: Path) -> None:
    """Forget the schedule NAME. What it began goes on."""
    from bonded.screening import schedule as room
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        room.remove(tx, OPERATOR, name, now=house.clock(), reason=reason)
    click.echo(f"{name} is removed")


@schedule.command("run")
@click.argument("name")
@directory_option
def run(name: str, directory: Path) -> None:
    """Begin the schedule NAME now, besides the clock; prints the number of its backfill."""
    from bonded.screening import schedule as room
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    new = house.screening_settings.new_checks
    with house.db.write() as tx:
        number = room.run_now(tx, OPERATOR, name, now=house.clock(), new=new)
    click.echo(number)
