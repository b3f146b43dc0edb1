"""What the reading of one archive leaves for the next: marks and readings of its members by the sha256 of their contents.

A second release of a project repeats most of its members byte for byte. With what was kept these are neither searched nor
parsed again; the facts are the same to the last byte, with it and without. Plain JSON, compressed; what cannot be made sense
of counts as nothing kept.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bonded.facts.archive_repeats import Unpacked, unpacked_of
from bonded.facts.marks import Mark
from bonded.facts.model import FACTS_VERSION, build
from bonded.facts.reading import Kept

MOST = 8 * 1024 * 1024
"""Bytes of JSON that are kept of one archive; of larger ones, nothing is."""
MOST_READINGS = 4
"""Readings of one content in one archive: it may stand in several packages."""
_MADE_BY = [FACTS_VERSION, *sys.version_info[:2]]
"""What else than the bytes decides what a reading gives: the parser is the interpreter's own."""


@dataclass(slots=True)
class Left:
    """What one archive leaves."""

    marks: Mapping[str, Mark] = field(default_factory=dict)
    readings: dict[str, list[Kept]] = field(default_factory=dict)
    unpacked: dict[str, Unpacked] = field(default_factory=dict)
    """Members by the sha256 of their compressed bytes."""

    def add(self, key: str, one: Kept) -> None:
        """Keep a reading of the content with this hash."""
        some = self.readings.setdefault(key, [])
        if len(some) < MOST_READINGS:
            some.append(one)


def pack(left: Left) -> bytes:
    """As it is stored; b"" where it is too much, or holds a text that no JSON can."""
    import orjson
    import zstandard

    try:
        unpacked = {key: tuple(one) for key, one in left.unpacked.items()}
        data = orjson.dumps({"by": _MADE_BY, "marks": left.marks, "readings": left.readings, "unpacked": unpacked})
    except TypeError:
        return b""
    return zstandard.ZstdCompressor(level=1).compress(data) if len(data) <= MOST else b""


class Known(Mapping[str, Mark]):
    """Marks, and readings, of archives that were read before. Made of what `pack` gave, the likest archive first."""

    def __init__(self, some: Iterable[bytes] = ()) -> None:
        self._all = [raw for data in some if (raw := _unpacked(data)) is not None]

    def __getitem__(self, key: str) -> Mark:
        for one in self._all:
            raw = one["marks"].get(key)
            found: Mark | None = _built(Mark, raw) if raw is not None else None
            if found is not None:
                return found
        raise KeyError(key)

    def unpacked(self) -> dict[str, Unpacked]:
        """Members by the sha256 of their compressed bytes."""
        every = {key: raw for one in reversed(self._all) for key, raw in one["unpacked"].items()}
        return {key: found for key, raw in every.items() if (found := unpacked_of(raw)) is not None}

    def __iter__(self) -> Iterator[str]:
        return iter({key for one in self._all for key in one["marks"]})

    def __len__(self) -> int:
        return len({key for one in self._all for key in one["marks"]})

    def readings(self, key: str) -> Iterator[Kept]:
        """Readings of the content with this hash."""
        for one in self._all:
            for raw in one["readings"].get(key, ()):
                found = _built(Kept, raw)
                if found is not None:
                    yield found


def _built(kind: type[Any], raw: Any) -> Any:
    try:
        return build(kind, raw)
    except (KeyError, TypeError, ValueError):
        return None


def _unpacked(data: bytes) -> dict[str, dict[str, Any]] | None:
    import orjson
    import zstandard

    try:
        raw = orjson.loads(zstandard.ZstdDecompressor().decompress(data, max_output_size=MOST))
        whole = all(isinstance(raw[part], dict) for part in ("marks", "readings", "unpacked"))
        return raw if raw["by"] == _MADE_BY and whole else None
    except (ValueError, KeyError, TypeError, AttributeError, zstandard.ZstdError):
        return None
