"""Answers that are made whole before a byte is sent: status line and headers as bytes, a body in memory or in a file.

They leave in one write, which is what makes the static lane quick. `Date`, request id and `Connection` are added as they
leave, because the rest is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import BinaryIO

from bonded.serve.conditions import Span
from bonded.serve.sources import Found


@dataclass(frozen=True, slots=True)
class Answer:
    """`head` ends after its last header line. `body` is bytes, or `span` of `found` when that is not in memory;
    `stream` is that, open, where it is a file: what has its name when it is sent may be another. Whoever sends it closes it."""

    status: int
    head: bytes
    body: bytes = b""
    found: Found | None = None
    span: Span | None = None
    stream: BinaryIO | None = None

    @property
    def sent(self) -> int:
        """Bytes of body that will be sent."""
        return self.span.count if self.span is not None else len(self.body)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """A status line and header lines. Values come from our own tables and numbers, never from a request."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"]
    lines += [f"{key}: {value}\r\n" for key, value in headers.items()]
    return "".join(lines).encode("latin-1")


def plain(status: int, text: str, headers: Mapping[str, str] | None = None, *, cache: str = "no-store") -> Answer:
    """A short answer in plain text."""
    body = (text + "\n").encode("utf-8")
    own = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(body)),
        "Cache-Control": cache,
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(status, head(status, own | dict(headers or {})), body)
