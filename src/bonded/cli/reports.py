"""`bonded report`: what people report, as its queue, and making a report by hand."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from bonded.cli.options import ROW, directory_option, json_option, print_json
from bonded.values.text import iso
from bonded.wiring import open_house


@click.group()
def report() -> None:
    """What people report: a queue of its own. A report does nothing by itself."""


@report.command("make")
@click.argument("project")
@click.option("--kind", type=click.Choice(["malware", "impersonation", "spam", "other"]), default="malware")
@click.option("--words", required=True, help="What is wrong, in at least a few words.")
@click.option("--version", default="", help="The version that it is about.")
@click.option("--file", "filename", default="", help="The file that it is about.")
@click.option("--url", default="", help="An address that shows it.")
@click.option("--email", default="", help="Who gets one answer.")
@click.option("--language", default="", help="The language of that answer, such as de; English without.")
@directory_option
def make_report(
    project: str,
    kind: str,
    words: str,
    version: str,
    filename: str,
    url: str,
    email: str,
    language: str,
    directory: Path,
) -> None:
    """Report PROJECT, for somebody who wrote or called. Prints the report's number."""
    from bonded.screening import reports
    from bonded.values.who import OPERATOR

    house = open_house(directory)
    told = reports.Told(project, kind, words, version, filename, url, email, language)
    with house.db.write() as tx:
        number = reports.make(tx, OPERATOR, told, now=house.clock())
    click.echo(number)


@report.command("list")
@click.option("--state", type=click.Choice(["new", "linked", "dismissed", "any"]), default="new", show_default=True)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@directory_option
@json_option
def list_reports(state: str, limit: int, directory: Path, as_json: bool) -> None:
    """List reports, those that wait longest first."""
    from bonded.screening.reports import reports

    with open_house(directory).db.read() as conn:
        found = reports(conn, state=None if state == "any" else state, limit=limit)
    if as_json:
        print_json(
            [
                asdict(one)
                | {"created_at": iso(one.created_at), "closed_at": iso(one.closed_at) if one.closed_at else None}
                for one in found
            ]
        )
        return
    for one in found:
        words = " ".join(one.words.split())[:100]
        click.echo(
            f"{one.id}  {one.state}  {one.kind}  {one.project_key} {one.version}  {iso(one.created_at)}  {words!r}"
        )


@report.command("link")
@click.argument("number", type=ROW)
@click.option("--case", "case_id", type=ROW, help="The case; without it, the open one of the project.")
@click.option("--reason", default="", help="Why, for the journal.")
@directory_option
def link_report(number: int, case_id: int | None, reason: str, directory: Path) -> None:
    """Link a report to a case of its project."""
    from bonded.screening import reports
    from bonded.values.who import OPERATOR

    house = open_house(directory)
    with house.db.write() as tx:
        found = reports.link(tx, OPERATOR, number, case_id, reason=reason, now=house.clock())
    click.echo(f"report {number} is linked to case {found}")


@report.command("dismiss")
@click.argument("number", type=ROW)
@click.option("--reason", required=True, help="The reporter reads it.")
@directory_option
def dismiss_report(number: int, reason: str, directory: Path) -> None:
    """Dismiss a report."""
    from bonded.screening import reports
    from bonded.values.who import OPERATOR

    house = open_house(directory)
    with house.db.write() as tx:
        reports.dismiss(tx, OPERATOR, number, reason=reason, now=house.clock())
    click.echo(f"report {number} is dismissed")
