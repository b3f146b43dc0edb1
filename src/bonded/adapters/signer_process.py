"""Signer (seams) that asks the signer process: this process holds no key.

A connection per thread, made again when it broke. Batches are sent ahead of the answers, so that the signer never waits
for the next one.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from bonded.adapters.signer_frames import BUFFER, BadFrame, receive, send
from bonded.seams import SignerRefused, SignerUnusable

BATCH = 64
"""Payloads in one message, at most."""
BATCH_BYTES = 1024 * 1024
"""Bytes in one message, a longer payload alone."""
AHEAD = 2
"""Messages sent before the answer to the first is read. Answers are small: the signer never waits to write them."""
Item = tuple[str, bytes]


class ProcessSigner:
    """Speaks with the signer at the socket `path`. `timeout`: seconds for one answer."""

    def __init__(self, path: Path, timeout: float = 30.0) -> None:
        self._path, self._timeout = path, timeout
        self._mine = threading.local()

    def keys(self) -> dict[str, dict[str, Any]]:
        """Key id -> public key in the TUF metadata form. Raises SignerUnusable."""
        return dict(self._ask({"do": "keys"}))

    def highest(self) -> tuple[int, str]:
        """The highest number reserved, and its attempt. Raises SignerUnusable."""
        number, attempt = self._ask({"do": "highest"})
        return int(number), str(attempt)

    def reserve(self, number: int, attempt: str) -> None:
        """Allow signatures for `number`; on the signer's disk when it returns. Raises SignerRefused, SignerUnusable."""
        self._ask({"do": "reserve", "number": number, "attempt": attempt})

    def sign(
        self, number: int, attempt: str, role: str, payload: bytes, keyids: Collection[str] | None = None
    ) -> list[dict[str, str]]:
        """One signature for each key. Raises SignerRefused, SignerUnusable."""
        return self.sign_many(number, attempt, [(role, payload)], keyids)[0]

    def sign_many(
        self, number: int, attempt: str, items: Sequence[Item], keyids: Collection[str] | None = None
    ) -> list[list[dict[str, str]]]:
        """One signature for each key over each payload. Raises SignerRefused, SignerUnusable."""
        common = {
            "do": "sign",
            "number": number,
            "attempt": attempt,
            "keyids": None if keyids is None else list(keyids),
        }
        asked = ((common | _lengths(batch), [payload for _, payload in batch]) for batch in _batches(items))
        return [one for answer in self._ask_all(asked) for one in answer]

    def _ask(self, head: dict[str, Any]) -> Any:
        (answer,) = self._ask_all(iter([(head, [])]))
        return answer

    def _ask_all(self, asked: Iterator[tuple[dict[str, Any], list[bytes]]]) -> list[Any]:
        """The answers, in order. Every message may be sent twice: none does more the second time."""
        waiting: deque[tuple[dict[str, Any], list[bytes]]] = deque()
        answers: list[Any] = []
        again = self._is_open()  # the signer may have been started anew since the connection was last used
        while True:
            try:
                while len(waiting) < AHEAD and (message := next(asked, None)) is not None:
                    waiting.append(message)
                    send(self._connection(), *message)
                if not waiting:
                    return answers
                answers.append(_read(receive(self._connection())))
                waiting.popleft()
                again = False
            except (ConnectionError, BadFrame) as error:
                self._drop()
                if not again:
                    raise SignerUnusable(f"the signer process at {self._path} ended the connection: {error}") from None
                again = False
                for message in waiting:
                    send(self._connection(), *message)
            except TimeoutError:
                self._drop()
                raise SignerUnusable(f"the signer process did not answer within {self._timeout:g} seconds") from None
            except BaseException:
                self._drop()  # answers may be on their way that nobody will read
                raise

    def _is_open(self) -> bool:
        return getattr(self._mine, "pid", 0) == os.getpid() and self._mine.sock is not None

    def _connection(self) -> socket.socket:
        """This thread's connection, made when there is none; never one of the process that forked this one."""
        if self._is_open():
            mine: socket.socket = self._mine.sock
            return mine
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(self._timeout)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        try:
            sock.connect(str(self._path))
        except (FileNotFoundError, ConnectionRefusedError):
            sock.close()
            raise SignerUnusable(f"no signer process answers at {self._path}: start it with `bonded signer`") from None
        except OSError as error:
            sock.close()
            raise SignerUnusable(
                f"the signer process at {self._path} cannot be asked: {error.strerror or error}"
            ) from None
        self._mine.sock, self._mine.pid = sock, os.getpid()
        return sock

    def _drop(self) -> None:
        if self._is_open():
            self._mine.sock.close()
        self._mine.sock = None


def _read(answer: tuple[dict[str, Any], memoryview] | None) -> Any:
    """Raises what the signer said, ConnectionResetError when it said nothing."""
    if answer is None:
        raise ConnectionResetError("it was stopped")
    head = answer[0]
    if "refused" in head:
        raise SignerRefused(head["refused"])
    if "unusable" in head:
        raise SignerUnusable(head["unusable"])
    return head.get("done")


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    start = size = 0
    for at, (_, payload) in enumerate(items):
        if at > start and (at - start >= BATCH or size + len(payload) > BATCH_BYTES):
            yield items[start:at]
            start, size = at, 0
        size += len(payload)
    if start < len(items):
        yield items[start:]


def _lengths(batch: Sequence[Item]) -> dict[str, Any]:
    return {"roles": [role for role, _ in batch], "lengths": [len(payload) for _, payload in batch]}
