"""The options that choose files for `bonded check backfill`, `replay` and `schedule`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bonded.cli.options import DAYS

if TYPE_CHECKING:
    from bonded.screening.selection import Selection

F = TypeVar("F", bound=Callable[..., Any])
KINDS = {"wheel": "bdist_wheel", "sdist": "sdist"}
STATES = ("public", "held", "rejected", "quarantined", "removed")
DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
_OPTIONS = (
    click.option("--project", default="", metavar="PATTERN", help="Only projects of this name; * and ? stand for any."),
    click.option("--since", type=DAY, help="Only files uploaded from this day on (UTC)."),
    click.option("--until", type=DAY, help="Only files uploaded before this day (UTC)."),
    click.option(
        "--state",
        "states",
        type=click.Choice(STATES),
        multiple=True,
        help="Only files in this state. [default: all but removed]",
    ),
    click.option("--kind", "kinds", type=click.Choice(list(KINDS)), multiple=True, help="Only wheels, or only sdists."),
    click.option("--new", is_flag=True, help="Only files on which the checks never ran with the rules of today."),
    click.option("--newest", is_flag=True, help="Only the newest file of each project."),
    click.option(
        "--first", is_flag=True, help="Only the first file of each project: for checks about names and new projects."
    ),
    click.option("--dormant", type=DAYS, metavar="DAYS", help="Only projects without an upload for so long."),
)


def selecting(command: F) -> F:
    """Add the options; the command gets them as keyword arguments, for `selection`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def selection(words: dict[str, Any]) -> Selection:
    """The selection that the options ask for. Raises Refusal."""
    from bonded.screening.selection import Selection
    from bonded.values.states import FileState, PackageType

    return Selection(
        project=words["project"],
        since=_utc(words["since"]),
        until=_utc(words["until"]),
        states=tuple(FileState(one) for one in words["states"]),
        kinds=tuple(PackageType(KINDS[one]) for one in words["kinds"]),
        new=words["new"],
        newest=words["newest"],
        first=words["first"],
        dormant_days=words["dormant"] or 0,
    )


def _utc(day: datetime | None) -> datetime | None:
    return day.replace(tzinfo=UTC) if day is not None else None
