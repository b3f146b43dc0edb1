"""Connections that a server closes while they are kept open."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from tuf.api.exceptions import DownloadError

from bonded_client.fetcher import Deadlines, Fetcher, Proxies

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Hanging:
    """A server that answers as many requests of each connection as `answers` says, and hangs up at the next one."""

    def __init__(self, answers: list[int]) -> None:
        self.answers = answers
        self.connections = 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}/x"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for many in self.answers:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.connections += 1
            for _ in range(many):
                connection.recv(65536)
                connection.sendall(OK)
            connection.recv(65536)
            connection.close()


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    """A fetcher of its own."""
    made = Fetcher(Deadlines(), Proxies())
    yield made
    made.close()


def test_a_connection_closed_in_the_moment_of_its_next_use_is_no_failure(fetcher: Fetcher) -> None:
    server = Hanging([1, 1])
    assert fetcher.fetch_all(server.url, 10) == b"ok"
    assert fetcher.fetch_all(server.url, 10) == b"ok"
    assert server.connections == 2


def test_a_server_that_hangs_up_again_is_told_as_a_failure(fetcher: Fetcher) -> None:
    server = Hanging([0, 0, 1])
    with pytest.raises(DownloadError, match="Connection aborted"):
        fetcher.fetch_all(server.url, 10)
    assert server.connections == 2
