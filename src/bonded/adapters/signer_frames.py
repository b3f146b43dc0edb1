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
PIECES = 512
"""Buffers in one call of sendmsg; Linux takes 1,024."""


class BadFrame(Exception):
    """What arrived is no message of this protocol. The connection is useless from here on."""


def send(sock: socket.socket, head: dict[str, Any], payloads: Sequence[bytes] = ()) -> None:
    """Raises OSError."""
    words = orjson.dumps(head)
    size = sum(map(len, payloads))
    if len(words) > MAX_HEAD or size > MAX_BODY:
        raise BadFrame("a message is too long")
    left = [memoryview(piece) for piece in (PREFIX.pack(MARK, len(words), size) + words, *payloads) if piece]
    while left:
        sent = sock.sendmsg(left[:PIECES])
        while left and sent >= len(left[0]):
            sent -= len(left.pop(0))
        if sent:
            left[0] = left[0][sent:]


def receive(sock: socket.socket, room: bytearray | None = None) -> tuple[dict[str, Any], memoryview] | None:
    """A head and its body; None when the other side has ended the connection. Raises BadFrame, OSError.

    The body lies in `room`, which grows as needed, until the next call: fresh memory for every batch would cost more than
    the copy.
    """
    room = bytearray() if room is None else room
    prefix = _exactly(sock, PREFIX.size, bytearray(PREFIX.size), start=True)
    if prefix is None:
        return None
    mark, words, size = PREFIX.unpack(prefix)
    if mark != MARK or words > MAX_HEAD or size > MAX_BODY:
        raise BadFrame("not a message of this protocol")
    if len(room) < size:
        room.extend(bytes(size - len(room)))
    head, body = _exactly(sock, words, bytearray(words)), _exactly(sock, size, room)
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


def _exactly(sock: socket.socket, size: int, room: bytearray, *, start: bool = False) -> memoryview | None:
    """The next `size` bytes, in `room`."""
    view, at = memoryview(room)[:size], 0
    while at < size:
        got = sock.recv_into(view[at:])
        if not got:
            if start and at == 0:
                return None
            raise ConnectionResetError("the connection ended in the middle of a message")
        at += got
    return view
