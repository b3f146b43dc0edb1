"""`bonded review`, continued: taking back, campaigns, related projects, differences, suppressions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.options import ROW, directory_option, json_option, print_json
from bonded.cli.review import review, visible

if TYPE_CHECKING:
    from bonded.review.compare import Changed, Comparison, Pair

NUMBER = click.argument("number", type=ROW, metavar="CASE")


@review.command("undo")
@click.option("--reason", default="", help="Kept in the journal; by default it names the reason of what is taken back.")
@directory_option
@json_option
def undo(reason: str, directory: Path, as_json: bool) -> None:
    """Take back the operator's last decision, within ten minutes: a new, opposite act."""
    from bonded.review.undo import undo as take_back
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        done = take_back(tx, OPERATOR, reason=reason, now=house.clock())
    if as_json:
        print_json({"journal": done})
    else:
        click.echo(f"taken back: {len(done)}", err=True)


@review.command("regroup")
@directory_option
@json_option
def regroup(directory: Path, as_json: bool) -> None:
    """Group all open cases into campaigns anew; workers do it, case by case."""
    from bonded.review.regrouping import regroup as part
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        cases = part(tx, OPERATOR, now=house.clock())
    if as_json:
        print_json({"cases": cases})
    else:
        click.echo(f"cases to be grouped: {cases}", err=True)


@review.command("campaigns")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@directory_option
@json_option
def list_campaigns(limit: int, directory: Path, as_json: bool) -> None:
    """List campaigns with open cases: number, cases, score, the top reason, and what they share."""
    from bonded.accounts import people
    from bonded.review.campaigns import campaigns
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.read() as conn:
        found, _ = campaigns(conn, limit=limit)
        names = people.names(conn, {one.value for line in found for one in line.shared if one.kind == "uploader"})
    if as_json:
        print_json([_campaign(one) for one in found])
        return
    for one in found:
        click.echo(f"{one.id}\t{one.cases} cases\t{one.score:.2f}\t{visible(one.headline)}")
        for shared in one.shared:
            what = shared.note or names.get(shared.value, shared.value)
            click.echo(f"\t{shared.kind}: {visible(what)} ({shared.cases} cases)")


@review.command("related")
@NUMBER
@directory_option
@json_option
def list_related(number: int, directory: Path, as_json: bool) -> None:
    """List projects that share an uploader, contents, addresses or code with a case."""
    from bonded.review.queue import case
    from bonded.review.related import related
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.read() as conn:
        found = case(conn, number)
        lines = related(conn, found.project.id, [one.file for one in found.files])
    if as_json:
        print_json([{name: getattr(one, name) for name in one.__slots__} for one in lines])
        return
    for one in lines:
        click.echo(f"{one.project_key}\t{one.why}\t{one.count}\t{visible(one.shared)}\t{one.case_id or '-'}")


@review.command("differences")
@NUMBER
@click.option("--again", is_flag=True, help="Compare again what was compared before.")
@directory_option
@json_option
def differences(number: int, again: bool, directory: Path, as_json: bool) -> None:
    """Show how the files of a case differ from the release before, and its wheels from their sdist.

    What was not compared yet is compared now, in the sandbox.
    """
    from bonded.review import compare
    from bonded.review.queue import case
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.read() as conn:
        every = compare.pairs(conn, [one.file for one in case(conn, number).files])
        pairs = {(one.old.id, one.new.id): one for one in every}
        known = {key: None if again else compare.comparison(conn, *key) for key in pairs}
    for key, pair in pairs.items():
        if known[key] is None:
            outcome, data = compare.compare(house.review, pair.old, pair.new)
            with house.db.write() as tx:
                compare.store(*key, outcome, data, house.clock(), tx)
                known[key] = compare.comparison(tx, *key)
    shown = [(pair, answer) for key, pair in pairs.items() if (answer := known[key]) is not None]
    if as_json:
        print_json([_comparison(pair, answer) for pair, answer in shown])
        return
    for pair, answer in shown:
        click.echo(
            f"--- {pair.old.filename}\n+++ {pair.new.filename} ({answer.outcome}, {answer.same} members the same)"
        )
        for one in answer.changes:
            click.echo(f"{one.change.kind}: {visible(one.change.path)}{f' ({one.note})' if one.note else ''}")
            for line in one.lines:
                click.echo(f"  {visible(line)}")


@review.command("suppress")
@click.argument("finding", type=ROW)
@click.option("--days", type=click.IntRange(1, 730), required=True, help="How long it holds.")
@click.option("--reason", required=True, help="Why it is harmless.")
@directory_option
@json_option
def suppress(finding: int, days: int, reason: str, directory: Path, as_json: bool) -> None:
    """Let a FINDING (a number that `show --json` tells) count nothing in this very content for some days."""
    from bonded.review.suppress import suppress as suppress_finding
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    now = house.clock()
    with house.db.write() as tx:
        number = suppress_finding(tx, OPERATOR, finding, expires=now + timedelta(days=days), reason=reason, now=now)
    if as_json:
        print_json({"suppression": number})
    else:
        click.echo(f"suppression {number}", err=True)


@review.command("suppressions")
@click.option("--over", is_flag=True, help="Those that have ended.")
@directory_option
@json_option
def list_suppressions(over: bool, directory: Path, as_json: bool) -> None:
    """List suppressions: number, check, path, when it ends, and why it was made."""
    from bonded.review.suppress import suppressions
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.read() as conn:
        found = suppressions(conn, now=house.clock(), ended=over)
    if as_json:
        print_json([{name: getattr(one, name) for name in one.__slots__} for one in found])
        return
    for one in found:
        click.echo(f"{one.id}\t{one.check}\t{visible(one.path)}\t{one.expires_at:%Y-%m-%d}\t{visible(one.reason)}")


@review.command("unsuppress")
@click.argument("number", type=ROW)
@click.option("--reason", required=True, help="Kept in the journal.")
@directory_option
def unsuppress(number: int, reason: str, directory: Path) -> None:
    """End a suppression before its day."""
    from bonded.review.suppress import end
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        end(tx, OPERATOR, number, reason=reason, now=house.clock())
    click.echo(f"ended: suppression {number}", err=True)


def _campaign(one: Any) -> dict[str, Any]:
    values = {name: getattr(one, name) for name in one.__slots__}
    return values | {"shared": [{name: getattr(s, name) for name in s.__slots__} for s in one.shared]}


def _comparison(pair: Pair, answer: Comparison) -> dict[str, Any]:
    return {
        "old": pair.old.filename,
        "new": pair.new.filename,
        "why": pair.why,
        "outcome": answer.outcome,
        "same": answer.same,
        "left_out": answer.left_out,
        "unread": list(answer.unread),
        "changes": [_change(one) for one in answer.changes],
    }


def _change(one: Changed) -> dict[str, Any]:
    change = one.change
    values = {"kind": change.kind, "old": change.old, "new": change.new}
    return values | {
        "old_size": change.old_size,
        "new_size": change.new_size,
        "lines": list(one.lines),
        "note": one.note,
    }
