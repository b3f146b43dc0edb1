"""A ceremony as a folder of plain files: one file for each line of its transcript. Everything else in it is derived.

A line is written aside and renamed into its place, so a ceremony that is killed has all of a line or nothing of it, and
goes on from there. Names need nothing that a memory stick could not hold.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from bonded.tuf.ceremony_keys import read_file
from bonded.tuf.ceremony_state import State, read_state
from bonded.tuf.transcript import CeremonyRefused, Line, next_line, read_line

REQUEST = "bonded-ceremony-request"
BUNDLE = "bonded-ceremony-bundle"


class CeremonyFolder:
    """The folder of one ceremony; made when the first line is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines_folder = path / "transcript"

    @property
    def begun(self) -> bool:
        return self.lines_folder.is_dir() and any(self.lines_folder.glob("*.json"))

    def lines(self) -> list[Line]:
        """All lines, in order; they are verified by `state`. Raises CeremonyRefused."""
        return [read_line(read_file(path), path.name) for path in sorted(self.lines_folder.glob("[0-9]*.json"))]

    def state(self) -> State:
        """Where the ceremony stands. Raises CeremonyRefused."""
        if not self.begun:
            raise CeremonyRefused(f"{self.path} holds no ceremony: begin one with `bonded tuf ceremony {self.path}`")
        return read_state(self.lines())

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add a line, durably and wholly. Call with `held`. Raises CeremonyRefused when the line cannot be right."""
        lines = self.lines() if self.begun else []
        line = next_line(lines, entry)
        read_state([*lines, line])
        self.lines_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(self.lines_folder / f"{line.n:04d}-{line.entry['what']}.json", line.data + b"\n")

    @contextmanager
    def held(self) -> Iterator[None]:
        """One process at a time changes the folder. Raises CeremonyRefused when another does."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.path / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CeremonyRefused(f"another command is at work in {self.path}: wait until it has ended") from None
            yield


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file so that it is there wholly or not at all, and stays after a power cut. Replaces the file that is there.

    What is no file, such as /dev/stdout or a pipe, is written to: put in its place, a file would be the end of the device.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    aside = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def lines_value(kind: str, lines: Sequence[Line]) -> bytes:
    """A whole transcript as one file: a request to sign, or the bundle to import."""
    value = {"_type": kind, "lines": [line.data.decode() for line in lines]}
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def read_lines(data: bytes, where: str, kinds: Sequence[str] = (REQUEST, BUNDLE)) -> list[Line]:
    """The lines of such a file, not verified yet. Raises CeremonyRefused."""
    try:
        value = orjson.loads(data)
        if value["_type"] not in kinds:
            raise ValueError(f"it is of type {value['_type']}")
        texts = [str(text) for text in value["lines"]]
    except (ValueError, KeyError, TypeError) as error:
        raise CeremonyRefused(f"{where} is not a file of a ceremony ({error})") from None
    return [read_line(text.encode(), f"line {count} of {where}") for count, text in enumerate(texts, 1)]


def open_ceremony(path: Path) -> State:
    """A ceremony from its folder, a request or a bundle. Raises CeremonyRefused."""
    return CeremonyFolder(path).state() if path.is_dir() else read_state(read_lines(read_file(path), str(path)))
