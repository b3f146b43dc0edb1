"""The record of publications: followed backwards from the live one, digest by digest, until something already here.

Young records are single files, `publications/N.json`; those of days that ended more than a day before the live publication
are packed, `publications/<day>.jsonl.zst`, one record a line, by number. Which are packed depends on the live publication
alone, so two mirrors of one state hold the same. Digests are of the records; packs are made here and not fetched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard
from tuf.api import exceptions

from bonded_client import decode
from bonded_client.failures import Failure
from bonded_client.index import Index
from bonded_client.mirror_fetch import GoneError, Workers
from bonded_client.mirror_state import State
from bonded_client.mirror_tree import Tree, digest

FOLDER = "publications"
MAX_RECORD = 64 * 1024 * 1024
MAX_PACK = 1024 * 1024 * 1024
MAX_DAY = 16 * MAX_PACK
"""Bytes of a record, of a pack, and of a pack when decoded."""
DAYS = 3660
"""How far back a pack is looked for before the record that follows the missing one."""
LEVEL = 12
DAMAGED = "damaged"
"""Kept in a tree whose record may have holes."""
_SINGLE = re.compile(r"publications/(\d+)\.json")
_PACK = re.compile(r"publications/(\d{4}-\d{2}-\d{2})\.jsonl\.zst")


def single_name(number: int) -> str:
    return f"{FOLDER}/{number}.json"


def pack_name(day: date) -> str:
    return f"{FOLDER}/{day.isoformat()}.jsonl.zst"


class History:
    """The records of one index in one tree. They arrive in `.mirror/records` and move when the chain is whole, the oldest
    first: so what is in the tree has everything before it in the tree."""

    def __init__(self, tree: Tree, index: Index, workers: Workers) -> None:
        self._tree, self._index, self._workers = tree, index, workers
        self._new = tree.own / "records"
        self._days = tree.own / "days"
        self._pack: dict[int, tuple[int, int]] = {}
        self._open: date | None = None

    def fetch(self, state: State) -> None:
        """Have every record from `state` back to one that the tree has, or all of them in a tree that was damaged.

        Raises Failure (altered, metadata-missing, malformed, ...).
        """
        self._new.mkdir(exist_ok=True)
        damaged = self._tree.recall(DAMAGED) is not None
        number, sha256, day = state.number, state.changes, state.at.date()
        while damaged or not self._tree.has(single_name(number), sha256):
            record = self._record(number, sha256, day)
            previous = record["previous"]
            if previous is None:
                return
            if not int(previous["publication"]) < number:
                raise Failure("malformed", f"Publication {number} names a later one before it.")
            number, sha256, day = int(previous["publication"]), str(previous["sha256"]), _day(record)

    def place(self, state: State) -> list[int]:
        """Move what was fetched into the tree and pack what is old; returns the numbers of new records, ascending."""
        numbers = self.fetched()
        self._forget_beside(numbers)
        for number in numbers:
            path = self._new / f"{number}.json"
            self._tree.put(single_name(number), path.read_bytes())
            path.unlink()
        shutil.rmtree(self._days, ignore_errors=True)
        self._pack, self._open = {}, None
        pack(self._tree, state)
        self._tree.keep(DAMAGED, None)
        return numbers

    def _forget_beside(self, numbers: list[int]) -> None:
        """Delete records that the live one does not lead back to: of an intruder, past whom the index went on."""
        if not numbers:
            return
        previous = json.loads((self._new / f"{numbers[0]}.json").read_bytes())["previous"]
        after = int(previous["publication"]) if previous else 0
        for number in sorted({*singles(self._tree)} - {*numbers}):
            if number > after:
                self._tree.delete(single_name(number))

    def fetched(self) -> list[int]:
        """Numbers of the records that were fetched and not yet placed, ascending."""
        return sorted(int(path.stem) for path in self._new.glob("*.json"))

    def targets(self, number: int) -> dict[str, Any]:
        """What record `number`, fetched and not yet placed, says of targets."""
        found: dict[str, Any] = json.loads((self._new / f"{number}.json").read_bytes())["targets"]
        return found

    def _record(self, number: int, sha256: str, day: date) -> dict[str, Any]:
        """The record `number`, verified and kept; `day` is that of the record after it."""
        kept = self._new / f"{number}.json"
        data = kept.read_bytes() if kept.exists() else b""
        if digest(data) != sha256:
            data = self._fetched(number, sha256, day)
            if digest(data) != sha256:
                raise Failure("altered", f"{single_name(number)} is not the record that the index signed.")
            kept.write_bytes(data)
        record: dict[str, Any] = json.loads(data)
        return record

    def _fetched(self, number: int, sha256: str, day: date) -> bytes:
        if number in self._pack:
            return self._line(number)
        try:
            return self._workers.fetch(self._index.url + single_name(number), MAX_RECORD)
        except GoneError:
            for back in range(DAYS):
                if self._opened(day - timedelta(days=back)) and number in self._pack:
                    return self._line(number)
        raise Failure("metadata-missing", f"The record {single_name(number)} is neither there by itself nor in a pack.")

    def _opened(self, day: date) -> bool:
        """Fetch the pack of `day` and find its lines; False when there is none."""
        if day == self._open:
            return True
        self._days.mkdir(exist_ok=True)
        path = self._days / "day"
        try:
            with path.open("wb") as out:
                count = 0
                for piece in decode.pieces(self._workers.stream(self._index.url + pack_name(day), MAX_PACK), "zstd"):
                    count += len(piece)
                    if count > MAX_DAY:
                        raise exceptions.DownloadLengthMismatchError(f"more than {MAX_DAY} bytes")
                    out.write(piece)
        except GoneError:
            return False
        self._open, self._pack = day, _lines(path)
        return True

    def _line(self, number: int) -> bytes:
        offset, length = self._pack[number]
        with (self._days / "day").open("rb") as file:
            file.seek(offset)
            return file.read(length)


def _lines(path: Path) -> dict[int, tuple[int, int]]:
    """Number -> offset and length of each record in a file of lines. What they say is verified when they are used."""
    found, offset = {}, 0
    with path.open("rb") as file:
        while line := file.readline(MAX_RECORD):
            try:
                found[int(json.loads(line)["publication"])] = (offset, len(line.rstrip(b"\n")))
            except (ValueError, KeyError, TypeError) as error:
                raise Failure("malformed", "A pack of publications holds a line that is no record.") from error
            offset += len(line)
    return found


def _day(record: dict[str, Any]) -> date:
    return datetime.fromisoformat(record["at"]).astimezone(UTC).date()


def pack(tree: Tree, state: State) -> None:
    """Pack the records of days that ended more than a day before `state`. Stopped anywhere, it is done again."""
    limit = state.at.date() - timedelta(days=1)
    if tree.recall("packed") == limit.isoformat() and tree.recall(DAMAGED) is None:
        return
    days: dict[date, list[int]] = {}
    for number in singles(tree):
        day = _day(json.loads(tree.read(single_name(number)) or b"{}"))
        if day < limit and number != state.number:
            days.setdefault(day, []).append(number)
    for day, numbers in sorted(days.items()):
        _pack_day(tree, day, numbers)
    tree.keep("packed", limit.isoformat())


def _pack_day(tree: Tree, day: date, numbers: list[int]) -> None:
    made = tree.own / "pack"
    lines = {number: tree.read(single_name(number)) or b"" for number in numbers}
    lines |= {int(json.loads(line)["publication"]): line for line in packed(tree, pack_name(day))}
    size = sum(len(line) + 1 for line in lines.values())
    with made.open("wb") as out, zstandard.ZstdCompressor(level=LEVEL).stream_writer(out, size=size) as writer:
        for number in sorted(lines):
            writer.write(lines[number] + b"\n")
    with made.open("rb") as file:
        os.fsync(file.fileno())
    made.chmod(0o644)
    made.replace(tree.path(pack_name(day)))
    for number in numbers:
        tree.delete(single_name(number))


def packed(tree: Tree, name: str) -> Iterator[bytes]:
    """The lines of a pack of the tree; none when it is not there."""
    path = tree.path(name)
    if not path.exists():
        return
    rest = b""
    with path.open("rb") as file:
        for piece in decode.pieces(iter(lambda: file.read(decode.PIECE), b""), "zstd"):
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole


def singles(tree: Tree) -> Iterator[int]:
    """Numbers of the records that the tree holds by themselves."""
    return (int(found[1]) for name in tree.names(FOLDER) if (found := _SINGLE.fullmatch(name)))


def packs(tree: Tree) -> list[str]:
    """Names of the packs of the tree, by day."""
    return [name for name in tree.names(FOLDER) if _PACK.fullmatch(name)]
