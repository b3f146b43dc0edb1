"""What reviewers see of a finding: the member's lines around it and its decoded forms, kept by the sandboxed run.

Stored by content hash as zstd of JSON `{"path", "sha256", "text", "first_line", "decoded": [{"how", "text"}]}`, where
`sha256` is the whole member's; so the console opens no archive to show it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, BinaryIO

import orjson
import zstandard

from bonded.facts.archive import read_archive
from bonded.facts.collect import SCREENING
from bonded.facts.model import Facts
from bonded.facts.source import text_of
from bonded.values.finding import Finding

AROUND = 30
"""Lines kept on either side of a finding."""
LONGEST_LINE = 1000
LARGEST = 2 * 1024 * 1024
"""Bytes of the largest member that lines are taken from."""


def wanted(facts: Facts, findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """What to keep, for each place that has findings: path, lines, and the decoded forms that facts hold."""
    forms = {module.path: module.decoded for module in facts.modules}
    places = dict.fromkeys((one.path, one.line, one.end_line) for one in findings if one.path and one.line)
    return [
        {
            "path": path,
            "line": line,
            "end_line": end_line,
            "decoded": [
                {"how": f"decoded on line {form.line}, layer {form.depth}", "text": form.text}
                for form in forms.get(path, ())
                if line <= form.line <= end_line
            ][:8],
        }
        for path, line, end_line in places
    ]


def keep(stream: BinaryIO, filename: str, places: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Texts of the members around each place; runs in the sandbox. Places whose member cannot be read are left out."""
    paths = {place["path"] for place in places}
    texts: dict[str, tuple[str, list[str]]] = {}
    for member in read_archive(stream, filename, SCREENING, keep=lambda path, size: path in paths and size <= LARGEST):
        if member.data is not None:
            texts.setdefault(member.path, (member.sha256, text_of(member.data).split("\n")))
    return [_kept(place, *texts[place["path"]]) for place in places if place["path"] in texts]


def _kept(place: dict[str, Any], sha256: str, lines: list[str]) -> dict[str, Any]:
    first = max(1, place["line"] - AROUND)
    last = min(len(lines), max(place["end_line"], place["line"]) + AROUND, first + 4 * AROUND)
    text = "\n".join(_cut(line) for line in lines[first - 1 : last])
    return {
        "path": place["path"],
        "sha256": sha256,
        "line": place["line"],
        "text": text,
        "first_line": first,
        "decoded": place["decoded"],
    }


def _cut(line: str) -> str:
    return (
        line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} … ({len(line) - LONGEST_LINE} more characters)"
    )


def pack(kept: dict[str, Any]) -> tuple[str, bytes]:
    """The hash and the stored bytes of one piece of evidence."""
    plain = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(plain).hexdigest(), zstandard.ZstdCompressor(level=6).compress(plain)
