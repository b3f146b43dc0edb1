"""What screening says of every archive of the lists: the observations that fitting and the figures of recall stand on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from bench.scan_data import Archive, Reader

from bonded.checks.registry import discover
from bonded.screening.run import Scanner, scan
from bonded.values.finding import Finding


@dataclass(frozen=True)
class Seen:
    """One archive and what was found in it. `hostile` is what the list says."""

    archive: Archive
    hostile: bool
    findings: tuple[Finding, ...]
    cpu_seconds: float


def observe(every: list[Archive], hostile: bool, reader: Reader, scanner: Scanner) -> Iterator[Seen]:
    """Scan all of them, one by one, as `bonded scan` does: without context."""
    for number, one in enumerate(every, 1):
        result = scan(reader.read(one), one.name, None, discover(), scanner)
        yield Seen(one, hostile, result.findings, result.cpu_seconds)
        if sys.stderr.isatty():
            print(f"\r{number} of {len(every)}", end="", file=sys.stderr)
