"""What was answered: an access line and two counters for each request, gathered here and written by the handful.

The static lane answers in tens of microseconds, so most requests wait for nothing to be formatted or counted. A process that
is killed loses what it had not yet written, half a second at most.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Literal

import orjson

from bonded.telemetry import metrics
from bonded.telemetry.measures import REQUESTS, SECONDS_TAKEN, SENT
from bonded.telemetry.redaction import redact_path, redact_text
from bonded.values.text import iso

HANDFUL = 100
"""Entries that are written together. Half a second's would keep everybody waiting for some 20 ms, a hundred's for 0.4 ms."""

Entry = tuple[str, int, int, str, str, str, str, str, float]
"""One answered request: lane, status, body bytes sent, method, url, address, agent, request id, seconds (0: at once).
A plain tuple, because making anything better costs more than the rest of the work here."""


@lru_cache(maxsize=2048)
def _path(url: str) -> str:
    """The path as a log may hold it."""
    return _printable(redact_path(url.partition("?")[0]))


@lru_cache(maxsize=512)
def _quoted_agent(agent: str) -> str:
    return _quoted(_printable(redact_text(agent[:200])))


@lru_cache(maxsize=2048)
def _quoted_path(url: str) -> str:
    return _quoted(_path(url))


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


class Ledger:
    """Entries of one process. `write` takes finished lines; `form` is "json", "text" or "off" (counters only)."""

    def __init__(
        self, write: Callable[[bytes], None], form: Literal["json", "text", "off"], clock: Callable[[], datetime]
    ) -> None:
        self._write, self._form, self._clock = write, form, clock
        self.entries: list[Entry] = []

    def note(self, entry: Entry) -> None:
        """Take an entry; cheap but for the one that makes a handful."""
        self.entries.append(entry)
        if len(self.entries) >= HANDFUL:
            self.flush()

    def flush(self) -> None:
        """Write and count everything noted."""
        entries, self.entries = self.entries, []
        if not entries:
            return
        requests: dict[tuple[str, int], int] = {}
        sent: dict[str, int] = {}
        for lane, status, size, _, _, _, _, _, seconds in entries:
            requests[lane, status] = requests.get((lane, status), 0) + 1
            sent[lane] = sent.get(lane, 0) + size
            if seconds:
                metrics.took(SECONDS_TAKEN, seconds, lane=lane)
        for (lane, status), number in requests.items():
            metrics.count(REQUESTS, number, lane=lane, status=str(status))
        for lane, number in sent.items():
            metrics.count(SENT, number, lane=lane)
        if self._form != "off":
            line = _json if self._form == "json" else _text
            at = iso(self._clock())
            self._write("".join([line(entry, at) for entry in entries]).encode())


def _json(entry: Entry, at: str) -> str:
    """One JSON object. Method, lane, address and id are plain words already: the parser and this room made them."""
    lane, status, sent, method, url, address, agent, request_id, seconds = entry
    return (
        f'{{"event":"request","logger":"bonded.access","timestamp":"{at}","lane":"{lane}","method":"{method}",'
        f'"path":{_quoted_path(url)},"status":{status},"sent":{sent},"seconds":{seconds:.6f},"address":"{address}",'
        f'"agent":{_quoted_agent(agent)},"request_id":"{request_id}"}}\n'
    )


def _text(entry: Entry, at: str) -> str:
    lane, status, sent, method, url, address, _, request_id, seconds = entry
    return f"{at} {address} {method} {_path(url)} {status} {sent}B {seconds:.3f}s {lane} {request_id}\n"


def _printable(text: str) -> str:
    """`text` without control characters and lone surrogates, so that nobody can forge or break a line."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
