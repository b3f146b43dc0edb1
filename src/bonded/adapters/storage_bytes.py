"""Reading, writing and comparing whole files for the store in a folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

CHUNK = 1024 * 1024


def pour(data: Path | BinaryIO, file: BinaryIO) -> None:
    """Copy the file at a path, or what is left of a stream, into `file`."""
    if isinstance(data, Path):
        with data.open("rb") as source:
            shutil.copyfileobj(source, file, CHUNK)
    else:
        shutil.copyfileobj(data, file, CHUNK)


def same(one: str, other: str) -> bool:
    """Whether two files hold equal bytes."""
    if os.path.samefile(one, other):  # noqa: PTH121
        return True
    with open(one, "rb") as a, open(other, "rb") as b:  # noqa: PTH123
        while True:
            left, right = a.read(CHUNK), b.read(CHUNK)
            if left != right:
                return False
            if not left:
                return True


def read_all(descriptor: int, size: int) -> bytes:
    """The whole of an open file, whose size was `size`."""
    data = os.read(descriptor, size + 1)
    if len(data) == size:
        return data
    parts = [data]
    while block := os.read(descriptor, CHUNK):
        parts.append(block)
    return b"".join(parts)


def write_all(descriptor: int, data: bytes) -> None:
    """Write `data`, however many calls that takes."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])
