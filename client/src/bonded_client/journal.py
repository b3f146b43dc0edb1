"""Is the journal of an index the one that it has signed? The words `verify-journal` of the command.

Every snapshot signs the size and the Merkle root of the journal (`x-bonded`). What this client saw last is kept; now the
index must prove that the log signed today begins with the very rows of the log signed then: nothing was changed, left out or
put in between, not even by somebody who computed the whole log anew. With `--row`, that a row is in it, and what it says.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tuf.api import exceptions
from tuf.api.metadata import Metadata, Snapshot  # type: ignore[attr-defined] # its documented place

from bonded_client.failures import Failure, printable
from bonded_client.journal_tree import EMPTY, extends, is_included, leaf_hash
from bonded_client.trust import Trust

MAX_PROOF = 256 * 1024
"""Longest answer, in bytes: a proof has at most some 64 hashes, a row some kilobytes."""


@dataclass(frozen=True, slots=True)
class Head:
    """Size and root (hex) of a log, and the publication that signed them."""

    publication: int
    size: int
    root: str

    @property
    def hash(self) -> bytes:
        return bytes.fromhex(self.root)


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was proven to be in the log: its number in the journal, its place, and what it says."""

    row: int
    index: int
    says: dict[str, Any]


def signed_head(snapshot: bytes) -> Head:
    """What a verified snapshot says of the journal. Raises Failure (malformed)."""
    try:
        extra = Metadata[Snapshot].from_bytes(snapshot).signed.unrecognized_fields["x-bonded"]
        head = Head(int(extra["publication"]), int(extra["journal_size"]), str(extra["journal_root"]))
        if len(head.hash) != 32 or head.size < 0 or (head.size == 0 and head.hash != EMPTY):
            raise ValueError(head.root)
    except (KeyError, TypeError, ValueError) as error:
        raise Failure("malformed", "The snapshot does not say how long the journal is and what its root is.") from error
    return head


def follow(trust: Trust, seen: Head | None) -> Head:
    """The head that the index signs now, proven to extend `seen`. Raises Failure (rollback, altered, ...)."""
    trust.renew()
    head = signed_head((trust.metadata / "snapshot.json").read_bytes())
    if seen is None or seen == head:
        return head
    if head.size < seen.size:
        raise Failure(
            "rollback", f"The journal had {seen.size} rows in publication {seen.publication}, and has {head.size} now."
        )
    path = _consistency(trust, seen.size, head.size) if 0 < seen.size < head.size else []
    if not extends(seen.size, seen.hash, head.size, head.hash, path):
        raise Failure(
            "altered",
            f"The journal of {head.size} rows that is signed now does not begin with the {seen.size} rows that "
            f"publication {seen.publication} signed: it was rewritten.",
        )
    return head


def row(trust: Trust, number: int, head: Head) -> Row:
    """Row `number` of the journal, proven to be in the log of `head`. Raises Failure (altered, metadata-missing...)."""
    said = _ask(trust, f"journal/proof/inclusion/{number}?size={head.size}")
    try:
        leaf, path, index = bytes.fromhex(said["leaf"]), [bytes.fromhex(h) for h in said["path"]], int(said["index"])
        says = json.loads(leaf)
        if int(says["id"]) != number:
            raise ValueError(f"it is row {says['id']}")
    except (KeyError, TypeError, ValueError) as error:
        raise Failure("malformed", f"The proof of row {number} is none ({error!r}).") from error
    if not is_included(leaf_hash(leaf), index, head.size, path, head.hash):
        raise Failure("altered", f"Row {number} is not in the journal that publication {head.publication} signed.")
    return Row(number, index, says)


def _consistency(trust: Trust, old: int, new: int) -> list[bytes]:
    said = _ask(trust, f"journal/proof/consistency/{old}/{new}")
    try:
        return [bytes.fromhex(value) for value in said["path"]]
    except (KeyError, TypeError, ValueError) as error:
        raise Failure("malformed", f"The proof between {old} and {new} rows is none ({error!r}).") from error


def _ask(trust: Trust, path: str) -> dict[str, Any]:
    try:
        said = json.loads(trust.fetcher.download_bytes(trust.index.url + path, MAX_PROOF))
    except exceptions.DownloadHTTPError as error:
        if error.status_code != 404:
            raise
        raise Failure(
            "metadata-missing", f"The index has no proof {path}; it must have one for what it signed."
        ) from error
    except ValueError as error:
        raise Failure("malformed", f"The proof {path} is not JSON.") from error
    if not isinstance(said, dict):
        raise Failure("malformed", f"The proof {path} is not an object.")
    return said


def add(commands: Any) -> None:
    """Add the command to those of the parser."""
    parser = commands.add_parser("verify-journal", help="prove that the index's journal was only ever added to")
    parser.add_argument("--row", type=int, action="append", default=[], metavar="N", help="show this row, proven")
    parser.add_argument("--json", action="store_true", help="print JSON objects")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, trust: Trust) -> int:
    """Run the command; returns its exit status. What was seen is kept only once it is proven."""
    place = trust.metadata.parent / "journal.json"
    seen = _seen(place)
    head = follow(trust, seen)
    rows = [row(trust, number, head) for number in options.row]
    made = place.with_suffix(".new")
    made.write_text(json.dumps(asdict(head)), "utf-8")
    made.replace(place)
    if options.json:
        print(json.dumps({**asdict(head), "since": seen and asdict(seen)}))  # noqa: T201
    else:
        since = f"extends the {seen.size} of publication {seen.publication}" if seen else "seen for the first time"
        print(f"publication {head.publication}: {head.size} rows, root {head.root}; {since}")  # noqa: T201
    for one in rows:
        line = json.dumps(asdict(one)) if options.json else f"row {one.row} is leaf {one.index}: {json.dumps(one.says)}"
        print("".join(c if c.isprintable() else "?" for c in line))  # noqa: T201
    if trust.behind:
        print(printable("bonded-client: an older state was served; what was seen before is newer"), file=sys.stderr)  # noqa: T201
    return 0


def _seen(place: Path) -> Head | None:
    """What was seen last. Raises Failure (disk) when it cannot be read: to forget it silently would hide a rewritten log."""
    try:
        return Head(**json.loads(place.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise Failure("disk", f"{place} is damaged; remove it to begin anew, unsure of the time before.") from error
