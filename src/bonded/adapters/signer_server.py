"""The signer process: holds the keys, listens on a Unix socket, signs what its policy lets through.

One thread per connection, which is one per thread of a publisher. The last reservation counts for all connections: once a
refresher has taken a number, the publisher that held a lower one is refused, and begins again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import threading
from pathlib import Path
from typing import Any

import structlog

from bonded.adapters.signer_frames import BUFFER, BadFrame, receive, send, split
from bonded.adapters.signer_local import LocalSigner
from bonded.adapters.signer_policy import Policy
from bonded.seams import SignerRefused, SignerUnusable

log = structlog.get_logger("bonded.signer")


class SignerServer:
    """Answers at the socket `path` (mode 0600) until `close()`."""

    def __init__(self, signer: LocalSigner, path: Path, policy: Policy) -> None:
        self._signer, self._path, self._policy = signer, path, policy
        self._listening: socket.socket | None = None
        self._lock: int = -1
        self._open: set[socket.socket] = set()
        self._closing = threading.Event()

    def bind(self) -> None:
        """Open the keys and listen. Raises SignerUnusable: a key cannot be opened, or another signer listens here."""
        keys = self._signer.keys()
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._lock = os.open(self._path.with_name(self._path.name + ".lock"), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SignerUnusable(f"another signer process listens at {self._path}") from None
        self._path.unlink(missing_ok=True)  # of a signer that was killed: the lock was free
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listening.bind(str(self._path))
        except OSError as error:
            raise SignerUnusable(f"the signer cannot listen at {self._path}: {error.strerror or error}") from None
        finally:
            os.umask(before)
        listening.listen(64)
        self._listening = listening
        log.info("signer listens", keys=sorted(keys))

    def run(self) -> None:
        """Answer until `close()` is called from another thread."""
        assert self._listening is not None
        while not self._closing.is_set():
            try:
                sock, _ = self._listening.accept()
            except OSError:
                break  # closed
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def close(self) -> None:
        """Stop listening, end every connection, remove the socket."""
        self._closing.set()
        if self._listening is not None:
            with contextlib.suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._path.unlink(missing_ok=True)
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _serve(self, sock: socket.socket) -> None:
        self._open.add(sock)
        try:
            with sock:
                if _is_ours(sock):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
                    room = bytearray()
                    while (asked := receive(sock, room)) is not None:
                        send(sock, self._answer(*asked))
                        del asked  # a view of the room would keep it from growing
        except BadFrame as error:
            log.error("a connection was ended", reason=str(error))
        except OSError:
            pass  # the publisher went away
        finally:
            self._open.discard(sock)

    def _answer(self, head: dict[str, Any], body: memoryview) -> dict[str, Any]:
        try:
            return {"done": self._do(head, body)}
        except SignerRefused as error:
            log.warning("refused", reason=str(error))
            return {"refused": str(error)}
        except SignerUnusable as error:
            log.error("a key cannot be used", reason=str(error))
            return {"unusable": str(error)}
        except (KeyError, TypeError, ValueError) as error:
            raise BadFrame(f"a message is not understood: {error!r}") from error

    def _do(self, head: dict[str, Any], body: memoryview) -> Any:
        match head["do"]:
            case "keys":
                return self._signer.keys()
            case "highest":
                return self._signer.highest()
            case "reserve":
                return self._signer.reserve(_number(head), str(head["attempt"]))
            case "sign":
                return self._sign(head, body)
        raise BadFrame(f"a message asks for {head['do']!r}")

    def _sign(self, head: dict[str, Any], body: memoryview) -> list[list[dict[str, str]]]:
        number = _number(head)
        roles: list[str] = [str(role) for role in head["roles"]]
        items = list(zip(roles, split(body, head["lengths"]), strict=True))
        for role, payload in items:
            self._policy.check(number, role, payload)
        keyids = head["keyids"]
        return self._signer.sign_many(number, str(head["attempt"]), items, None if keyids is None else set(keyids))


def _number(head: dict[str, Any]) -> int:
    number = head["number"]
    if type(number) is not int or number < 1:
        raise BadFrame(f"{number!r} is no number of a publication")
    return number


def _is_ours(sock: socket.socket) -> bool:
    """Whether the other side runs as this user, or as root: the mode of the socket says so too, unless it was changed."""
    uid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
    if uid in (os.geteuid(), 0):
        return True
    log.error("a connection was refused", uid=uid)
    return False
