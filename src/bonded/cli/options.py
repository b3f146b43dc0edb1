"""Options that many commands share: where the data directory is, and printing as JSON."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson

F = TypeVar("F", bound=Callable[..., Any])
ROW = click.IntRange(1, 2**63 - 1)
"""The number of a row: no database is asked for one that it cannot hold."""
DAYS = click.IntRange(1, 36_500)
"""Back from now, in a calendar that begins with the year 1."""


def directory_option(command: F) -> F:
    """`--dir DIR`, else the environment variable BONDED_DIR, else the current folder."""
    return click.option(
        "--dir",
        "directory",
        type=click.Path(path_type=Path, file_okay=False),
        default=lambda: Path(os.environ.get("BONDED_DIR", ".")),
        show_default="BONDED_DIR, else the current folder",
        help="The data directory.",
    )(command)


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_json(value: Any) -> None:
    """`value` as indented JSON on standard output, in UTF-8 whatever the terminal's encoding is: programs read it."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
