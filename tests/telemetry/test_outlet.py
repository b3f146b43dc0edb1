"""Standard error whose reader hangs keeps nobody, and nothing is torn when it reads again."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest

from bonded.telemetry.outlet import Outlet


@pytest.fixture(params=["pipe", "socket"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """A reader and a writer, as under a program that takes logs and as under systemd."""
    if request.param == "pipe":
        read, write = os.pipe()
    else:
        read, write = (one.detach() for one in socket.socketpair())
    yield read, write
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("length", [90, 30_000])
def test_a_reader_that_hangs_keeps_nobody(ends: tuple[int, int], length: int) -> None:
    read, write = ends
    told: list[int] = []
    outlet, line = Outlet(write, patience=0.05, told=told.append), b"x" * length + b"\n"
    began = time.monotonic()
    for _ in range(10_000):
        outlet.write_bytes(line)
    assert time.monotonic() - began < 10
    assert told == []
    os.set_blocking(read, False)
    taken = _all(read)
    outlet.write("after\n")
    (lost,) = told
    taken += _all(read)
    *lines, last = taken.splitlines(keepends=True)
    assert last == b"after\n"
    whole = [one for one in lines if one == line]
    assert len(lines) - len(whole) <= 1
    assert len(whole) + lost == 10_000


def test_a_reader_that_is_slow_gets_everything(ends: tuple[int, int]) -> None:
    read, write = ends
    outlet = Outlet(write, told=lambda _: pytest.fail("nothing is lost"))
    pid = os.fork()
    if not pid:
        for number in range(3_000):
            outlet.write(f"{number} {'y' * 100}\n")
        outlet.write("end\n")
        os._exit(0)
    taken = b""
    while not taken.endswith(b"end\n"):
        time.sleep(0.001)
        taken += os.read(read, 8192)
    assert os.waitpid(pid, 0)[1] == 0
    assert [int(one.split()[0]) for one in taken.splitlines()[:-1]] == list(range(3_000))


def _all(read: int) -> bytes:
    taken = b""
    while True:
        try:
            taken += os.read(read, 65_536)
        except BlockingIOError:
            return taken
