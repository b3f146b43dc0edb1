"""What runs inside the sandbox to compare archives: listing members, taking texts, making differences. Bytes in, bytes out.

Everything is bounded by counts, and what was cut says so: the same two archives always give the same answer.
"""

from __future__ import annotations

import difflib
from typing import Any, BinaryIO

import orjson

from bonded.facts.archive import Kind, read_archive
from bonded.facts.collect import SCREENING
from bonded.facts.source import text_of

LARGEST = 512 * 1024
"""Bytes of the largest member that is compared line by line."""
ALL_TEXT = 12 * 1024 * 1024
LONGEST_LINE = 500
MOST_LINES = 6000
"""Lines of one member; finding differences takes time with their product."""
MOST_WORK = 60_000_000
"""Products of lines, over all members."""
MOST_SHOWN = 800
"""Lines of one difference."""
MOST_CHARACTERS = 1_500_000
"""Characters of all differences together."""

TOO_LARGE, BINARY, CUT, TOO_MUCH = "too-large", "binary", "cut", "too-much"
"""Notes: why there is no difference, or not the whole one."""


def listing_call(argument: bytes, attachment: BinaryIO | None) -> bytes:
    """`argument` is the file's name, the attachment the archive; gives {"members": [[path, size, sha256]...], "unread": [...]}."""
    assert attachment is not None
    reader = read_archive(attachment, argument.decode("utf-8"), SCREENING, keep=lambda _path, _size: False)
    members = [[one.path, one.size, one.sha256] for one in reader if one.kind is Kind.FILE]
    return orjson.dumps({"members": sorted(members), "unread": reader.unread[:50]})


def texts_call(argument: bytes, attachment: BinaryIO | None) -> bytes:
    """`argument` is {"filename", "paths"}; gives {path: text, or a note in a list of one}."""
    assert attachment is not None
    asked = orjson.loads(argument)
    return orjson.dumps(_texts(attachment, asked["filename"], asked["paths"]))


def diff_call(argument: bytes, attachment: BinaryIO | None) -> bytes:
    """`argument` is {"filename", "pairs": [[old path or null, new path or null]...], "old": texts}; the attachment is the
    new archive. Gives [[lines, note]...] in the order of the pairs; `lines` are those of a unified difference."""
    assert attachment is not None
    asked = orjson.loads(argument)
    new = _texts(attachment, asked["filename"], [path for _, path in asked["pairs"] if path is not None])
    work, room, out = MOST_WORK, MOST_CHARACTERS, []
    for before, after in asked["pairs"]:
        lines, note, cost = _difference(_side(asked["old"], before), _side(new, after), work)
        work -= cost
        size = sum(map(len, lines))
        if size > room:
            lines, note = [], TOO_MUCH
        else:
            room -= size
        out.append([lines, note])
    return orjson.dumps(out)


def _texts(stream: BinaryIO, filename: str, paths: list[str]) -> dict[str, Any]:
    wanted = set(paths)
    room = ALL_TEXT
    found: dict[str, Any] = {}

    def keep(path: str, size: int) -> bool:
        nonlocal room
        if path not in wanted or size > LARGEST or size > room:
            return False
        room -= size
        return True

    for member in read_archive(stream, filename, SCREENING, keep=keep):
        if member.path in wanted and member.path not in found:
            found[member.path] = _text(member.data)
    return found


def _text(data: bytes | None) -> Any:
    if data is None:
        return [TOO_LARGE]
    if b"\0" in data[:8192]:
        return [BINARY]
    return text_of(data)


def _side(texts: dict[str, Any], path: str | None) -> Any:
    return "" if path is None else texts.get(path, [TOO_LARGE])


def _difference(old: Any, new: Any, work: int) -> tuple[list[str], str, int]:
    """(lines, note, how much work it was)."""
    for side in (new, old):
        if isinstance(side, list):
            return [], str(side[0]), 0
    before, after = _lines(old), _lines(new)
    cost = len(before) * len(after)
    if max(len(before), len(after)) > MOST_LINES or cost > work:
        return [], TOO_LARGE, 0
    lines = list(difflib.unified_diff(before, after, n=3, lineterm=""))[2:]
    return lines[:MOST_SHOWN], CUT if len(lines) > MOST_SHOWN else "", cost


def _lines(text: str) -> list[str]:
    return [
        line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} … ({len(line) - LONGEST_LINE})"
        for line in text.split("\n")
    ]
