"""What was answered: an access line and two counters for each request, gathered here and written a few times a second.

The static lane answers in tens of microseconds, so nothing is formatted or counted while a request waits. A process that
is killed loses what it had not yet written, half a second at most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

import orjson

from bonded.telemetry import metrics
from bonded.telemetry.measures import REQUESTS, SECONDS_TAKEN, SENT
from bonded.telemetry.redaction import redact_path, redact_text
from bonded.values.text import iso


@dataclass(slots=True)
class Entry:
    """One answered request. `seconds` is 0 for answers given at once; `sent` counts body bytes."""

    lane: str
    status: int
    sent: int
    method: str
    url: str
    address: str
    agent: str
    request_id: str
    seconds: float = 0.0


_path = lru_cache(maxsize=2048)(redact_path)
_agent = lru_cache(maxsize=512)(lambda agent: redact_text(agent[:200]))


class Ledger:
    """Entries of one process. `write` takes finished lines; `form` is "json", "text" or "off" (counters only)."""

    def __init__(
        self, write: Callable[[bytes], None], form: Literal["json", "text", "off"], clock: Callable[[], datetime]
    ) -> None:
        self._write, self._form, self._clock = write, form, clock
        self.entries: list[Entry] = []

    def note(self, entry: Entry) -> None:
        """Take an entry; cheap."""
        self.entries.append(entry)

    def flush(self) -> None:
        """Write and count everything noted."""
        entries, self.entries = self.entries, []
        if not entries:
            return
        requests: dict[tuple[str, int], int] = {}
        sent: dict[str, int] = {}
        for entry in entries:
            requests[entry.lane, entry.status] = requests.get((entry.lane, entry.status), 0) + 1
            sent[entry.lane] = sent.get(entry.lane, 0) + entry.sent
            if entry.seconds:
                metrics.took(SECONDS_TAKEN, entry.seconds, lane=entry.lane)
        for (lane, status), number in requests.items():
            metrics.count(REQUESTS, number, lane=lane, status=str(status))
        for lane, number in sent.items():
            metrics.count(SENT, number, lane=lane)
        if self._form != "off":
            line = _json if self._form == "json" else _text
            at = iso(self._clock())
            self._write(b"".join(line(entry, at) for entry in entries))


def _json(e: Entry, at: str) -> bytes:
    return (
        orjson.dumps(
            {
                "event": "request",
                "logger": "bonded.access",
                "timestamp": at,
                "lane": e.lane,
                "method": e.method,
                "path": _printable(_path(e.url.partition("?")[0])),
                "status": e.status,
                "sent": e.sent,
                "seconds": round(e.seconds, 6),
                "address": e.address,
                "agent": _printable(_agent(e.agent)),
                "request_id": e.request_id,
            }
        )
        + b"\n"
    )


def _text(e: Entry, at: str) -> bytes:
    path = _printable(_path(e.url.partition("?")[0])).encode("ascii", "backslashreplace").decode("ascii")
    return (
        f"{at} {e.address} {e.method} {path} {e.status} {e.sent}B {e.seconds:.3f}s {e.lane} {e.request_id}\n".encode()
    )


def _printable(text: str) -> str:
    """`text` without control characters and lone surrogates, so that nobody can forge or break a line."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
