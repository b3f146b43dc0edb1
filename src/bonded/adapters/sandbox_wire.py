"""What a sandbox's client and its fork server say to each other: one packet for each request, frames for the answer.

A request is one packet on a sequenced socket: JSON, and with it the file descriptors of the answer's pipe, the argument and,
if there is one, the attachment. The answer is frames on the pipe: one letter, eight bytes of length, the payload.
"""

from __future__ import annotations

import array
import json
import os
import socket
from dataclasses import dataclass

VALUE, ERROR, MEMORY, STATUS = b"V", b"E", b"M", b"S"
MAX_ANSWER = 256 * 1024 * 1024
_HEADER = 9
_STATUS_SIZE = 48
_STATUS_FRAME = _HEADER + _STATUS_SIZE


@dataclass(frozen=True, slots=True)
class Request:
    """What to call and under which limits; seconds and bytes. `wall_seconds` ends a child that sleeps."""

    module: str
    name: str
    cpu_seconds: float
    wall_seconds: float
    memory_bytes: int
    attached: bool


@dataclass(slots=True)
class Result:
    """What a sandboxed call ended with (`seams.SandboxResult`)."""

    outcome: str
    value: bytes
    detail: str
    cpu_seconds: float
    peak_bytes: int = 0
    away: bool = False


def send_request(control: socket.socket, request: Request, descriptors: list[int]) -> None:
    """Send one request with its descriptors."""
    text = json.dumps([getattr(request, name) for name in request.__slots__]).encode()
    control.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors).tobytes())])


def receive_request(control: socket.socket) -> tuple[Request, list[int]] | None:
    """The next request with its descriptors; None when the client is gone."""
    text, ancillary, _flags, _address = control.recvmsg(65_536, socket.CMSG_SPACE(4 * 4))
    if not text:
        return None
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return Request(*json.loads(text)), list(descriptors)


def write_frame(descriptor: int, kind: bytes, payload: bytes) -> None:
    """Write one frame of the answer."""
    head = kind + len(payload).to_bytes(8, "big")
    for piece in (head + payload,) if len(payload) < 65_536 else (head, payload):
        data = memoryview(piece)
        while data:
            data = data[os.write(descriptor, data) :]


def write_status(descriptor: int, words: str) -> None:
    """Write the last frame of the answer: how the child ended, as its server saw it."""
    write_frame(descriptor, STATUS, words.encode().ljust(_STATUS_SIZE))


def read_frames(descriptor: int) -> dict[bytes, bytes]:
    """All frames up to the end of the pipe: values joined; of others of one kind the first counts, cut-off frames do not.

    The status is what stands last, which the server writes when the child is gone: whatever a child wrote into its pipe, it
    cannot say how it ended. An answer that is too large is an error instead of its frames.
    """
    raw, last, large = bytearray(), b"", False
    while chunk := os.read(descriptor, 1 << 20):
        last = (last + chunk)[-_STATUS_FRAME:]
        large = large or len(raw) + len(chunk) > MAX_ANSWER
        if not large:
            raw += chunk
    frames = {ERROR: b"its answer was too large"} if large else _frames(raw[:-_STATUS_FRAME])
    frames.pop(STATUS, None)
    if len(last) == _STATUS_FRAME and last[:1] == STATUS:
        frames[STATUS] = last[_HEADER:].strip()
    return frames


def _frames(raw: bytearray) -> dict[bytes, bytes]:
    frames: dict[bytes, bytes] = {}
    position = 0
    while position + _HEADER <= len(raw):
        size = int.from_bytes(raw[position + 1 : position + _HEADER], "big")
        end = position + _HEADER + size
        if end > len(raw):
            break
        kind, payload = bytes(raw[position : position + 1]), bytes(raw[position + _HEADER : end])
        frames[kind] = frames.get(kind, b"") + payload if kind == VALUE else frames.get(kind, payload)
        position = end
    return frames
