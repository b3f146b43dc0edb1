"""The words `verify-journal` of the command. What was seen is kept only once it is proven."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bonded_client.failures import Failure, printable
from bonded_client.journal import Head, follow, row
from bonded_client.journal_rows import Reader
from bonded_client.journal_tree import Growing
from bonded_client.trust import Trust

SHOWN = 20
"""Backdated rows that are told singly."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was proven last. `peaks` (hex) are those of the log, when all its rows were read; else ()."""

    head: Head
    peaks: tuple[str, ...] = ()


def add(commands: Any) -> None:
    """Add the command to those of the parser."""
    parser = commands.add_parser("verify-journal", help="prove that the index's journal was only ever added to")
    parser.add_argument("--row", type=int, action="append", default=[], metavar="N", help="show this row, proven")
    parser.add_argument(
        "--read", choices=("new", "all"), help="read every row since the last time (or from the first) and compare"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="add the rows that were read to FILE, one on each line (reads new ones)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON objects")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, trust: Trust) -> int:
    """Run the command; returns its exit status."""
    options.read = options.read or ("new" if options.out else None)
    place = trust.metadata.parent / "journal.json"
    seen = _seen(place)
    head = follow(trust, seen.head if seen else None)
    rows = [row(trust, number, head) for number in options.row]
    reader = _read(options, trust, seen, head) if options.read else None
    _keep(place, Seen(head, tuple(peak.hex() for peak in reader.log.peaks) if reader else _still(seen, head)))
    _tell(options, head, seen.head if seen else None, reader)
    for one in rows:
        line = json.dumps(asdict(one)) if options.json else f"row {one.row} is leaf {one.index}: {json.dumps(one.says)}"
        print("".join(c if c.isprintable() else "?" for c in line))  # noqa: T201
    if trust.behind:
        _note("an older state was served; what was seen before is newer")
    return 0


def _still(seen: Seen | None, head: Head) -> tuple[str, ...]:
    """Peaks are those of one size: they are kept while the log is that long."""
    return seen.peaks if seen and seen.head.size == head.size else ()


def _read(options: argparse.Namespace, trust: Trust, seen: Seen | None, head: Head) -> Reader:
    known = Growing()
    if options.read == "new" and seen and seen.peaks:
        known = Growing(seen.head.size, [bytes.fromhex(peak) for peak in seen.peaks])
        if known.root != seen.head.hash:
            raise Failure("disk", "What was kept of the journal does not fit together; read --read all once.")
    with _lines_to(options.out) as each:
        reader = Reader(trust, known, each)
        reader.read(head)
    for one in reader.backdated[:SHOWN]:
        _note(f"row {one.row} says {one.at}, and stands after rows of {one.after}: was it put in later?")
    if more := reader.backdated[SHOWN:]:
        _note(f"... and {len(more)} more such rows")
    return reader


@contextmanager
def _lines_to(path: Path | None) -> Iterator[Callable[[str], None]]:
    """Where rows go. Those of a run that failed are taken back, so that the file holds proven rows only."""
    if path is None:
        yield lambda _text: None
        return
    with path.open("ab") as file:
        before = file.tell()
        try:
            yield lambda text: _write(file, text)
        except BaseException:
            file.truncate(before)
            raise


def _write(file: Any, text: str) -> None:
    file.write(text.encode() + b"\n")


def _tell(options: argparse.Namespace, head: Head, seen: Head | None, reader: Reader | None) -> None:
    read = None if reader is None else {"all": options.read == "all", "backdated": len(reader.backdated)}
    if options.json:
        print(json.dumps({**asdict(head), "since": seen and asdict(seen), "read": read}))  # noqa: T201
        return
    since = f"extends the {seen.size} of publication {seen.publication}" if seen else "seen for the first time"
    what = "; every row is what was signed" if reader else ""
    print(f"publication {head.publication}: {head.size} rows, root {head.root}; {since}{what}")  # noqa: T201


def _keep(place: Path, seen: Seen) -> None:
    made = place.with_suffix(".new")
    made.write_text(json.dumps(asdict(seen.head) | {"peaks": list(seen.peaks)}), "utf-8")
    made.replace(place)


def _seen(place: Path) -> Seen | None:
    """What was seen last. Raises Failure (disk) when it cannot be read: to forget it silently would hide a rewritten log."""
    try:
        kept = json.loads(place.read_bytes())
        peaks = tuple(kept.pop("peaks", ()))
        head = Head(**kept)
        if peaks:
            Growing(head.size, [bytes.fromhex(peak) for peak in peaks])
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError) as error:
        raise Failure("disk", f"{place} is damaged; remove it to begin anew, unsure of the time before.") from error
    return Seen(head, peaks)


def _note(text: str) -> None:
    print(printable(f"bonded-client: {text}"), file=sys.stderr)  # noqa: T201
