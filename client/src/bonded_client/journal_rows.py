"""Reading every row of the journal: their root is computed here and compared with the signed one, so that a row that says
anything else than what was sealed is found, whether the index proves what it likes or not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bonded_client.failures import Failure
from bonded_client.journal import Head, ask
from bonded_client.journal_tree import Growing, leaf_hash
from bonded_client.trust import Trust

AT_ONCE = 500
BACK = timedelta(days=1)
"""So much may a row be older than one before it: acts that take long and clocks that differ. More is worth a look."""


@dataclass(frozen=True, slots=True)
class Backdated:
    """A row that says it was written long before rows that stand before it in the log."""

    row: int
    at: str
    after: str


class Reader:
    """Reads rows into a log of which `size` rows are known by their peaks. `each` gets every row's text, in order."""

    def __init__(self, trust: Trust, known: Growing, each: Callable[[str], None]) -> None:
        self._trust = trust
        self._each = each
        self._latest: datetime | None = None
        self.log = known
        self.backdated: list[Backdated] = []

    def read(self, head: Head) -> None:
        """All rows up to those that `head` signs. Raises Failure (altered, malformed, metadata-missing, ...)."""
        while self.log.size < head.size:
            for text in self._some(self.log.size, min(head.size, self.log.size + AT_ONCE)):
                self._note(text)
                self.log.add(leaf_hash(text.encode()))
                self._each(text)
        if self.log.size != head.size or self.log.root != head.hash:
            raise Failure(
                "altered",
                f"The {head.size} rows that the index shows are not those that publication {head.publication} signed: "
                "at least one was changed, left out, put in or moved.",
            )

    def _some(self, first: int, end: int) -> list[str]:
        said = ask(self._trust, f"journal/proof/rows/{first}/{end}")
        rows = said.get("rows")
        if not isinstance(rows, list) or not 0 < len(rows) <= end - first or not all(isinstance(r, str) for r in rows):
            raise Failure("malformed", f"The rows from {first} to {end} are not a list of rows.")
        return rows

    def _note(self, text: str) -> None:
        try:
            says: dict[str, Any] = json.loads(text)
            number, at = int(says["id"]), str(says["at"])
            moment = datetime.fromisoformat(at)
            late = self._latest is not None and moment < self._latest - BACK
            self._latest = max(moment, self._latest or moment)
            text.encode()  # a lone surrogate has no bytes
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise Failure("malformed", f"Row {self.log.size} of the log is none ({type(error).__name__}).") from error
        if late:
            self.backdated.append(Backdated(number, at, str(self._latest)))
