"""`bonded scan PATH...`: screen archives with no server, no database and no network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bonded.screening.report import Scanned


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "jsonl", "sarif"]), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format jsonl.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Archives screened at once.")
@click.option("--policy", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A policy file (TOML).")
@click.option(
    "--fail-on", type=click.Choice(["review", "reject"]), help="Exit 1 when a verdict is this one or a graver one."
)
@click.option(
    "--plugins",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="More checks: a Python or virtual environment that has packages of them, or a folder of checks. May be repeated.",
)
@click.option(
    "--yara-rules", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A folder of YARA rules."
)
@click.option("--sandbox", type=click.Choice(["auto", "bubblewrap", "rlimits"]), default="auto", show_default=True)
def scan(
    paths: tuple[Path, ...],
    form: str,
    as_json: bool,
    jobs: int,
    policy: Path | None,
    fail_on: str | None,
    plugins: tuple[Path, ...],
    yara_rules: Path | None,
    sandbox: str,
) -> None:
    """Screen the archives PATH..., and those in folders, each by itself.

    Nothing of an archive is run, and nothing is fetched. Checks that need an index around them do not run and are named on
    standard error. Exit status: 0 when every archive got a verdict, 1 when one could not be read or by --fail-on.
    """
    from bonded.checks.outside import provide
    from bonded.checks.registry import discover
    from bonded.screening.command import archives, scan_all
    from bonded.screening.policy_file import BadPolicy, load_policy
    from bonded.screening.run import Scanner
    from bonded.wiring import outside_checks, sandbox_for, wall_clock

    try:
        rules = load_policy(policy)
    except BadPolicy as error:
        raise click.ClickException(str(error)) from None
    found = archives(paths)
    if not found:
        raise click.ClickException("there is no archive under these paths")
    box = sandbox_for(sandbox)
    provide(outside_checks(tuple(one.absolute() for one in plugins), yara_rules, lambda: box))
    checks = discover()
    _say_what_does_not_run([one.name for one in checks if one.needs_context], box.level)
    try:
        every = scan_all(found, checks, Scanner(box), rules, jobs=jobs, now=wall_clock())
        well = _print(every, "jsonl" if as_json else form, len(found), fail_on)
    finally:
        box.close()
    if not well:
        sys.exit(1)


def _say_what_does_not_run(names: list[str], level: str) -> None:
    click.echo(f"sandbox: {level}; not run, for they need an index: {', '.join(names) or 'none'}", err=True)


def _print(every: object, form: str, total: int, fail_on: str | None) -> bool:
    """Print results as they come, and how far we are when somebody watches. Whether all went well; results are not kept."""
    from collections.abc import Iterable
    from typing import cast

    from bonded import __version__
    from bonded.checks.registry import discover
    from bonded.screening.command import got_verdict
    from bonded.screening.report import as_line, as_sarif, as_text

    log: list[Scanned] = []
    well = True
    watched = sys.stderr.isatty()
    for count, one in enumerate(cast("Iterable[Scanned]", every), 1):
        well = well and got_verdict(one) and not _fails(one, fail_on)
        if form == "sarif":
            log.append(one)
        else:
            click.echo(as_line(one) if form == "jsonl" else as_text(one))
        if watched:
            click.echo(f"\r{count} of {total}", nl=False, err=True)
    if watched:
        click.echo(err=True)
    if form == "sarif":
        click.echo(as_sarif(log, [(one.name, one.sentence) for one in discover()], __version__))
    return well


def _fails(one: Scanned, fail_on: str | None) -> bool:
    order = ["clear", "review", "reject"]
    return fail_on is not None and order.index(one.decision.verdict.value) >= order.index(fail_on)
