"""Is the journal of an index the one that it has signed? What `verify-journal` proves.

Every snapshot signs the size and the Merkle root of the journal (`x-bonded`). What this client saw last is kept; now the
index must prove that the log signed today begins with the very rows of the log signed then: nothing was changed, left out or
put in between, not even by somebody who computed the whole log anew. `row` proves that a row is in it, and what it says;
`journal_rows` reads every row.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tuf.api import exceptions
from tuf.api.metadata import Metadata, Snapshot  # type: ignore[attr-defined] # its documented place

from bonded_client.failures import Failure
from bonded_client.journal_tree import EMPTY, extends, is_included, leaf_hash
from bonded_client.trust import Trust

MAX_ANSWER = 32 * 1024 * 1024
"""Longest answer, in bytes: a proof has at most some 64 hashes, a row as a rule some kilobytes."""


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
    except (KeyError, TypeError, ValueError, OverflowError) as error:
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
    said = ask(trust, f"journal/proof/inclusion/{number}?size={head.size}")
    try:
        leaf, path, index = bytes.fromhex(said["leaf"]), hashes_in(said), int(said["index"])
        says = json.loads(leaf)
        if int(says["id"]) != number:
            raise ValueError(f"it is row {says['id']}")
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Failure("malformed", f"The proof of row {number} is none ({error!r}).") from error
    if not is_included(leaf_hash(leaf), index, head.size, path, head.hash):
        raise Failure("altered", f"Row {number} is not in the journal that publication {head.publication} signed.")
    return Row(number, index, says)


def _consistency(trust: Trust, old: int, new: int) -> list[bytes]:
    said = ask(trust, f"journal/proof/consistency/{old}/{new}")
    try:
        return hashes_in(said)
    except (KeyError, TypeError, ValueError) as error:
        raise Failure("malformed", f"The proof between {old} and {new} rows is none ({error!r}).") from error


def hashes_in(said: dict[str, Any]) -> list[bytes]:
    """The sibling hashes of a proof. Raises KeyError, TypeError or ValueError for anything else."""
    path = [bytes.fromhex(value) for value in said["path"]]
    if not isinstance(said["path"], list) or any(len(value) != 32 for value in path) or len(path) > 128:
        raise ValueError("the path is not a list of hashes")
    return path


def ask(trust: Trust, path: str) -> dict[str, Any]:
    """The answer for `path`, an object. Raises Failure (metadata-missing, malformed)."""
    try:
        said = json.loads(trust.fetcher.download_bytes(trust.index.url + path, MAX_ANSWER))
    except exceptions.DownloadHTTPError as error:
        if error.status_code != 404:
            raise
        raise Failure(
            "metadata-missing", f"The index has no proof {path}; it must have one for what it signed."
        ) from error
    except (ValueError, RecursionError) as error:
        raise Failure("malformed", f"The proof {path} is not JSON.") from error
    if not isinstance(said, dict):
        raise Failure("malformed", f"The proof {path} is not an object.")
    return said
