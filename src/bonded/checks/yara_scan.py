"""Compiled YARA rules over the members of an archive, in a sandboxed child. Findings name path, line and text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from bonded.checks.yara_rule import ANY, METADATA, PYTHON
from bonded.facts.archive import Kind, Member, read_archive
from bonded.facts.collect import CODE, SCREENING

PER_MEMBER = 3
"""Places that are told of one rule in one member."""
MATCHES = 200
_EXCERPT = 400
_METADATA = ("METADATA", "PKG-INFO", "WHEEL", "entry_points.txt", "pyproject.toml", "setup.cfg", "top_level.txt")


def scan_call(argument: bytes, attachment: BinaryIO | None) -> bytes:
    """Argument: 8 bytes of length, JSON {"filename", "scopes": {"file:identifier": scope}}, the compiled rules. The
    attachment is the archive. Gives [["file:identifier", path, line, end line, excerpt]...]."""
    assert attachment is not None
    size = int.from_bytes(argument[:8], "big")
    asked = orjson.loads(argument[8 : 8 + size])
    return orjson.dumps(list(_hits(asked["filename"], asked["scopes"], argument[8 + size :], attachment)))


def _hits(filename: str, scopes: dict[str, str], rules: bytes, archive: BinaryIO) -> Iterator[list[Any]]:
    import yara_x

    scanner = yara_x.Scanner(yara_x.Rules.deserialize_from(io.BytesIO(rules)))
    scanner.max_matches_per_pattern(MATCHES)
    wanted = set(scopes.values())

    def keep(path: str, _size: int) -> bool:
        return not wanted.isdisjoint(scopes_of(path))

    for member in read_archive(archive, filename, SCREENING, keep=keep):
        if member.kind is Kind.FILE and member.data is not None:
            yield from _member(scanner, scopes, member)


def _member(scanner: Any, scopes: dict[str, str], member: Member) -> Iterator[list[Any]]:
    assert member.data is not None
    own = scopes_of(member.path)
    for rule in scanner.scan(member.data).matching_rules:
        key = f"{rule.namespace}:{rule.identifier}"
        if scopes.get(key) in own:
            spans = sorted((one.offset, one.length) for pattern in rule.patterns for one in pattern.matches)
            for line, end, text in _places(member.data, spans):
                yield [key, member.path, line, end, text]


def scopes_of(path: str) -> tuple[str, ...]:
    """The scopes in which the member at `path` is."""
    if path.endswith(CODE):
        return (PYTHON, ANY)
    base, folder = path.rpartition("/")[2], path.rpartition("/")[0]
    if base in _METADATA or folder.endswith((".dist-info", ".egg-info")):
        return (METADATA, ANY)
    return (ANY,)


def _places(data: bytes, spans: list[tuple[int, int]]) -> list[tuple[int, int, str]]:
    """(line, end line, text) of the first matches on different lines; one place without a line for a rule without any."""
    found: dict[int, tuple[int, int, str]] = {}
    for offset, length in spans:
        if len(found) == PER_MEMBER:
            break
        line = data.count(b"\n", 0, offset) + 1
        end = line + data.count(b"\n", offset, offset + max(length - 1, 0))
        found.setdefault(line, (line, end, _excerpt(data, offset, length)))
    return list(found.values()) or [(0, 0, "")]


def _excerpt(data: bytes, offset: int, length: int) -> str:
    """The lines that a match is on, or what is next to it when they are long."""
    first = max(data.rfind(b"\n", 0, offset) + 1, offset - _EXCERPT // 4)
    last = data.find(b"\n", offset + length)
    last = min(len(data) if last < 0 else last, first + _EXCERPT)
    text = data[first:last].decode("utf-8", "replace")
    return "".join(one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in text)
