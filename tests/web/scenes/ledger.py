"""What a long walk over pages found so far, line by line, so that it goes on where it was stopped."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from tests.web.scenes.shots import Shot
from tests.web.scenes.stage import STATIC, steady

PLACE = Path(__file__).parents[3] / "var" / "artifacts" / "accessibility"


@cache
def looks() -> str:
    """Digest of the styles and scripts that pages load."""
    files = sorted(one for one in STATIC.iterdir() if one.suffix in (".css", ".js", ".svg"))
    return hashlib.sha256(b"".join(one.read_bytes() for one in files)).hexdigest()


@dataclass
class Ledger:
    """Results of one tool. `path` is a file of JSON lines, None to keep nothing; `tool` says its version and settings."""

    path: Path | None
    tool: str
    _passed: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, name: str, tool: str) -> Ledger:
        PLACE.mkdir(parents=True, exist_ok=True)
        ledger = cls(PLACE / f"{name}.jsonl", tool)
        assert ledger.path is not None
        lines = ledger.path.read_bytes().splitlines() if ledger.path.exists() else []
        for line in lines:
            row: dict[str, Any] = orjson.loads(line)
            if not row["found"]:
                ledger._passed.add(row["key"])
        return ledger

    @classmethod
    def nothing(cls) -> Ledger:
        """One that keeps nothing."""
        return cls(None, "")

    def key(self, shot: Shot, mode: str) -> str:
        said = "\n".join((self.tool, looks(), shot.name, shot.language, mode, steady(shot.html)))
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def passed(self, shot: Shot, mode: str) -> bool:
        """Whether this very page passed in this mode before."""
        return bool(self._passed) and self.key(shot, mode) in self._passed

    def note(self, shot: Shot, mode: str, found: list[str]) -> None:
        """Write down what was found; [] is a pass."""
        if self.path is None:
            return
        key = self.key(shot, mode)
        if not found:
            self._passed.add(key)
        row = {"page": shot.name, "language": shot.language, "mode": mode, "key": key, "found": found}
        with self.path.open("ab") as lines:
            lines.write(orjson.dumps(row) + b"\n")
