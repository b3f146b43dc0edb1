"""The words of `bonded-client sbom`: a bill of materials on standard output, or in a file."""

from __future__ import annotations

import argparse
import json
import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bonded_client import dependency_options
from bonded_client.needs import needs
from bonded_client.released import Releases
from bonded_client.sbom import About, document
from bonded_client.trust import Trust


def add(commands: Any) -> None:
    """Add the command to those of the parser."""
    parser = commands.add_parser("sbom", help="a bill of materials of an environment or a file (CycloneDX 1.6)")
    dependency_options.add(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there, not to standard output")
    parser.add_argument(
        "--timestamp",
        type=_moment,
        metavar="TIME",
        help="time of the document (RFC 3339); with it, or with SOURCE_DATE_EPOCH, the same content gives the same bytes",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, trust: Trust) -> int:
    """Run the command; returns its exit status."""
    python, found, file = dependency_options.packages(options)
    releases = Releases(trust, python, own_targets=options.own_targets)
    if file is not None:
        found = dependency_options.described(found, releases)
    known = dependency_options.asked(found, releases)
    about = About(trust.index.url, trust.snapshot_version(), python.version, options.own_targets)
    given = options.timestamp or _epoch()
    made = document(
        found.packages,
        known,
        needs(found.packages, python.environment),
        about,
        given or datetime.now(UTC),
        None if given else uuid.uuid4(),
    )
    text = json.dumps(made, indent=2, sort_keys=True) + "\n"
    if options.output:
        dependency_options.keep(options.output, text)
    else:
        sys.stdout.write(text)
    for sentence in found.notes:
        dependency_options.note(sentence)
    return 0


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a time such as 2026-01-31T12:00:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _epoch() -> datetime | None:
    """What SOURCE_DATE_EPOCH says, whose specification lets a tool pass over one that is no number."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None
