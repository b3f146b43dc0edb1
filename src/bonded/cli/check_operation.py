"""`bonded check set-state`, `precision` and `replay`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.check_selecting import selecting, selection
from bonded.cli.options import DAYS, directory_option, json_option, print_json
from bonded.cli.review import visible

if TYPE_CHECKING:
    from bonded.screening.precision import Precision
    from bonded.screening.replay import Plan, Replayed, Summary

MOST_TEXT = 200


@click.command("set-state")
@click.argument("name")
@click.argument("state", type=click.Choice(["enabled", "evaluation", "disabled", "wiped_out"]))
@click.option("--reason", required=True, help="Why, in a sentence; it goes into the journal.")
@directory_option
def set_state(name: str, state: str, reason: str, directory: Path) -> None:
    """Set the state of the check NAME: whether it decides, is evaluated, does not run, or is hidden.

    Files stay where they are, also those that are held because of it: nothing is judged anew.
    """
    from bonded.screening import states
    from bonded.screening.withdrawn import held_by
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        states.set_state(tx, OPERATOR, name, states.CheckState(state), reason=reason, now=house.clock())
        held = held_by(tx, name)
    click.echo(f"{name} is {state}")
    if held and state != "enabled":
        click.echo(
            f"{held} files with findings of it are held, rejected or quarantined, and stay so: see `bonded review list`",
            err=True,
        )


@click.command()
@click.argument("names", nargs=-1)
@click.option("--days", type=DAYS, help="Decisions of so many days. [default: the setting]")
@directory_option
@json_option
def precision(names: tuple[str, ...], days: int | None, directory: Path, as_json: bool) -> None:
    """Show how often checks were right, by reviewers' decisions, with the 95 % interval: all, or those named."""
    from datetime import timedelta

    from bonded.checks.registry import by_name
    from bonded.screening.precision import precision as read
    from bonded.screening.states import standings
    from bonded.wiring import open_house

    house = open_house(directory)
    settings, now = house.screening_settings.precision, house.clock()
    with house.db.read() as conn:
        known = standings(conn)
        found = read(conn, since=now - timedelta(days=days or settings.days))
    shown = [one for one in found if not names or one.check in names]
    state = {one.check: str(known[one.check].state) if one.check in known else "enabled" for one in shown}
    if as_json:
        print_json([_record(one, state[one.check], settings.floor_of(one.check)) for one in shown])
        return
    for one in shown:
        share = f"{one.share or 0:.0%} ({one.low:.0%} to {one.high:.0%})"
        click.echo(
            f"{one.check:44} {one.version:>3}  {one.right:>5} of {one.decisions:<5} {share:20} {state[one.check]}"
        )
    for name in names:
        if by_name(name) is None and all(one.check != name for one in found):
            click.echo(f"there is no check called {name}; `bonded check list` names them all", err=True)
    if not shown:
        click.echo("reviewers have decided about nothing that these checks found", err=True)


def _record(one: Precision, state: str, floor: float) -> dict[str, Any]:
    return {
        "check": one.check,
        "version": one.version,
        "right": one.right,
        "wrong": one.wrong,
        "precision": one.share,
        "low": one.low,
        "high": one.high,
        "floor": floor,
        "state": state,
    }


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Judge by this policy, not the one in use.",
)
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Files judged at once.")
@click.option("--most", type=click.IntRange(0), default=20, show_default=True, help="Changed files to list.")
@selecting
@directory_option
@json_option
def replay(
    names: tuple[str, ...],
    policy_file: Path | None,
    jobs: int,
    most: int,
    directory: Path,
    as_json: bool,
    **words: Any,
) -> None:
    """Tell what would change if the checks NAMES decided, or by another policy. Reads stored facts, changes nothing."""
    from bonded.screening import replay as room
    from bonded.screening.policy_file import BadPolicy, load_policy
    from bonded.wiring import open_house

    if not names and policy_file is None:
        raise click.UsageError("name a check, or give --policy FILE")
    house = open_house(directory)
    try:
        policy = load_policy(policy_file) if policy_file is not None else None
    except BadPolicy as error:
        raise click.ClickException(str(error)) from None
    now, wanted, context = house.clock(), selection(words), house.screening
    try:
        what = room.plan(context, names, wanted, policy=policy, now=now)
        every = room.replay(context, what, wanted, jobs=jobs, now=now)
        found = room.summarize(_shown(every, what.total), most=most)
    finally:
        context.sandbox.close()
    if as_json:
        print_json(_json(what, found))
    else:
        _print(what, found)


def _shown(every: Iterable[Replayed], total: int) -> Iterator[Replayed]:
    """The same, with progress on a terminal."""
    shown = sys.stderr.isatty()
    for n, one in enumerate(every, 1):
        yield one
        if shown and (n % 50 == 0 or n == total):
            click.echo(f"\r{n} of {total} files", nl=n == total, err=True)


def _short(text: str) -> str:
    """As much of the text of a package as stands on a line, for a terminal."""
    text = visible(text)
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def _json(what: Plan, found: Summary) -> dict[str, Any]:
    return {
        "checks": list(what.names),
        "files": found.files,
        "judged": found.judged,
        "without_facts": found.without_facts,
        "changes": dict(found.changes),
        "by_these_checks": dict(found.by_names),
        "not_run": sorted(found.not_run),
        "changed": [_line(one) for one in found.worst],
    }


def _line(one: Replayed) -> dict[str, Any]:
    assert one.now is not None
    return {
        "project": one.file.project_key,
        "filename": one.file.filename,
        "state": str(one.file.state),
        "then": str(one.then) if one.then else None,
        "now": str(one.now.verdict),
        "score": one.now.score,
        "by_these_checks": one.by_names,
        "top": one.now.terms[0][0] if one.now.terms else "",
    }


def _print(what: Plan, found: Summary) -> None:
    click.echo(
        f"{found.judged} of {found.files} files judged anew, {sum(found.changes.values())} verdicts would change"
    )
    for turn, number in sorted(found.changes.items()):
        mine = f", {found.by_names[turn]} of them by {' and '.join(what.names)}" if what.names else ""
        click.echo(f"  {turn}: {number}{mine}")
    for one in map(_line, found.worst):
        click.echo(
            f"{one['then'] or 'none'} -> {one['now']}  {one['score']:.2f}  {visible(one['filename'])}  {_short(one['top'])}"
        )
    if found.without_facts:
        click.echo(
            f"{found.without_facts} files have no facts by the rules of today and need a full scan: `bonded check backfill`",
            err=True,
        )
    if found.not_run:
        click.echo(f"not replayed, because they read archives: {', '.join(sorted(found.not_run))}", err=True)
