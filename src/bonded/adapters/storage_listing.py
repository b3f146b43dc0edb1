"""Listing the store in a folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bonded.seams import Entry


def walk(folder: Path, name: str, start: str) -> Iterator[Entry]:
    """The files under `folder`, which is called `name` in the store, whose own name there begins with `start`; nothing of
    ours that begins with a dot."""
    try:
        found = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for item in found:
        inner = f"{name}/{item.name}" if name else item.name
        if not item.name.startswith(start) or (not name and item.name.startswith(".")):
            continue
        if item.is_dir(follow_symlinks=False):
            yield from walk(folder / item.name, inner, "")
        elif item.is_file(follow_symlinks=False):
            with contextlib.suppress(FileNotFoundError):  # deleted while we walked
                stat = item.stat()
                yield Entry(inner, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))
