"""Messages between a publisher and the signer process: a short JSON head, and payloads as they are.

On the wire: four letters, the length of the head and of the body (32 bits each, big-endian), the head, the body. A body is
payloads one after the other; the head says how long each is.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import Any

import orjson

MARK = b"BSG1"
PREFIX = struct.Struct("!4sII")
MAX_HEAD = 1024 * 1024
MAX_BODY = 64 * 1024 * 1024
BUFFER = 1024 * 1024
"""Of the socket, in bytes: fewer turns between the two processes."""


class BadFrame(Exception):
    """What arrived is no message of this protocol. The connection is useless from here on."""


def send(sock: socket.socket, head: dict[str, Any], payloads: Sequence[bytes] = ()) -> None:
    """Raises OSError."""
    words = orjson.dumps(head)
    size = sum(map(len, payloads))
    if len(words) > MAX_HEAD or size > MAX_BODY:
        raise BadFrame("a message is too long")
    sock.sendall(b"".join((PREFIX.pack(MARK, len(words), size), words, *payloads)))


def receive(sock: socket.socket) -> tuple[dict[str, Any], memoryview] | None:
    """A head and its body; None when the other side has ended the connection. Raises BadFrame, OSError."""
    prefix = _exactly(sock, PREFIX.size, start=True)
    if prefix is None:
        return None
    mark, words, size = PREFIX.unpack(prefix)
    if mark != MARK or words > MAX_HEAD or size > MAX_BODY:
        raise BadFrame("not a message of this protocol")
    head, body = _exactly(sock, words), _exactly(sock, size)
    assert head is not None
    assert body is not None
    try:
        value = orjson.loads(head)
    except orjson.JSONDecodeError as error:
        raise BadFrame("the head of a message is not JSON") from error
    if not isinstance(value, dict):
        raise BadFrame("the head of a message is not an object")
    return value, body


def split(body: memoryview, lengths: Sequence[int]) -> list[bytes]:
    """The payloads of a body. Raises BadFrame when the lengths are not those of the body."""
    if any(type(length) is not int or length < 0 for length in lengths) or sum(lengths) != len(body):
        raise BadFrame("payloads do not fill the body")
    found, at = [], 0
    for length in lengths:
        found.append(bytes(body[at : at + length]))
        at += length
    return found


def _exactly(sock: socket.socket, size: int, *, start: bool = False) -> memoryview | None:
    buffer = bytearray(size)
    view, at = memoryview(buffer), 0
    while at < size:
        got = sock.recv_into(view[at:])
        if not got:
            if start and at == 0:
                return None
            raise ConnectionResetError("the connection ended in the middle of a message")
        at += got
    return view
