"""`bonded check facts`: for authors of checks, what there is to look at."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bonded.cli.options import json_option

if TYPE_CHECKING:
    from bonded.facts.model import Facts
    from bonded.screening.run import Scanner


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--member", default="*", show_default=True, help="Only members whose paths match, as a shell does.")
@json_option
def facts(paths: tuple[Path, ...], member: str, as_json: bool) -> None:
    """Show the facts of archives or samples PATHS, which are all that a check gets to see.

    A sample is what lies in a check's folder `samples`: a Python or .pth file, a TOML file, or a folder that stands for an archive.
    Nothing of it is run. With --json each is one line, as it is stored. Exit 1 when one could not be read.
    """
    from bonded.checks.harness import BadSample
    from bonded.cli.review import visible
    from bonded.facts.model import dump
    from bonded.screening.facts_text import lines_of, matches
    from bonded.screening.run import Scanner
    from bonded.telemetry import logs
    from bonded.wiring import sandbox_for

    logs.configure("text", "error")
    box = sandbox_for("auto")
    well = True
    try:
        for path in paths:
            try:
                found = _facts(path, Scanner(box))
            except (BadSample, OSError) as error:
                click.echo(f"Error: {visible(str(path))}: {error}", err=True)
                well = False
                continue
            if not as_json and path.name != found.filename:
                click.echo(f"{visible(str(path))} stands for")
            if not as_json and not any(matches(one.path, member) for one in found.members):
                click.echo(f"Error: {visible(str(path))}: no member matches {member}; --json shows all paths", err=True)
                well = False
            for row in [dump(found).decode()] if as_json else map(visible, lines_of(found, member)):
                click.echo(row)
    finally:
        box.close()
    if not well:
        sys.exit(1)


def _facts(path: Path, scanner: Scanner) -> Facts:
    """The facts of an archive or of what a sample stands for. Raises BadSample and OSError."""
    from bonded.checks.harness import BadSample, archive_of, is_sample
    from bonded.facts.archive import is_archive
    from bonded.screening.run import scan

    if path.is_file() and is_archive(path.name):
        result = scan(path, path.name, None, (), scanner)
    elif is_sample(path):
        data, filename = archive_of(path)
        result = scan(data, filename, None, (), scanner)
    else:
        raise BadSample("it is neither an archive nor a sample (a .py, .pth or .toml file, or a folder)")
    if result.facts is None:
        raise BadSample("; ".join(one.message for one in result.failures) or "there are no facts")
    return result.facts
