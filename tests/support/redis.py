"""A real Redis server on a socket of its own, for tests: `redis-server` of Debian, nothing kept on disk."""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

LONG = 60.0
"""Seconds to start: it takes a tenth of one, on a machine that has nothing else to do."""


class RedisServer:
    """One server. `url` is what `queue.broker` takes; `stop` and `start` are for tests of a broker that goes away."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis+socket://{self._socket}"

    def start(self) -> None:
        command = ["redis-server", "--port", "0", "--unixsocket", str(self._socket), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=self._socket.parent)
        end = time.monotonic() + LONG
        while True:
            try:
                if self.client().ping():
                    return
            except redis.ConnectionError:
                assert self._process.poll() is None, "redis-server has ended"
                assert time.monotonic() < end, "redis-server does not answer"
                time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def flush(self) -> None:
        """Everything that waits is lost."""
        self.client().flushall()

    def messages(self, queue: str) -> list[bytes]:
        """What waits."""
        return list(self.client().lrange(queue, 0, -1))

    def has(self, queue: str) -> bool:
        """Whether anything waits there."""
        return bool(self.client().llen(queue))

    def put(self, queue: str, *messages: bytes) -> None:
        """Messages as `messages` gave them, or anything at all."""
        if messages:
            self.client().rpush(queue, *messages)

    @staticmethod
    def text(message: bytes) -> str:
        """All that the message holds."""
        return f"{message!r} {base64.b64decode(json.loads(message)['body'])!r}"

    @staticmethod
    def numbers(message: bytes) -> list[Any]:
        """What it is about."""
        return list(json.loads(base64.b64decode(json.loads(message)["body"]))[0])

    def client(self) -> Any:
        return redis.Redis(unix_socket_path=str(self._socket))


@contextmanager
def start_redis() -> Iterator[RedisServer]:
    """A server until the block ends."""
    with tempfile.TemporaryDirectory(prefix="b-redis-") as where:
        server = RedisServer(Path(where))
        server.start()
        try:
            yield server
        finally:
            server.stop()
