"""What systemd is told: that a service is ready, and how grave a line is."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from bonded.telemetry import logs, systemd
from bonded.telemetry.outlet import Outlet


@pytest.mark.parametrize("abstract", [False, True])
def test_the_manager_is_told(abstract: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"@bonded-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        systemd.notify("READY=1")
        assert manager.recv(100) == b"READY=1"
    systemd.notify("READY=1")  # it has gone
    monkeypatch.delenv("NOTIFY_SOCKET")
    systemd.notify("READY=1")  # nobody asks


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """(to read, to write); the logs of before come back afterwards."""
    before, level = logging.getLogger().handlers[:], logging.getLogger().level
    ends = os.pipe()
    yield ends
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = before
    logging.getLogger().setLevel(level)
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("format", ["json", "text"])
def test_lines_for_the_journal_say_how_grave_they_are(
    format: logs.Format, pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = os.fstat(pipe[1])
    monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
    logs.configure(format, "debug", Outlet(pipe[1]))
    log = structlog.get_logger("bonded.test")
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    logging.getLogger("library").critical("e")
    said = os.read(pipe[0], 10_000).decode().splitlines()
    assert [line[:3] if line.startswith("<") else "" for line in said] == ["<7>", "", "<4>", "<3>", "<2>"]


def test_other_readers_get_plain_lines(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    logs.configure("json", "info", Outlet(pipe[1]))
    structlog.get_logger("bonded.test").error("d")
    assert os.read(pipe[0], 10_000).startswith(b"{")
    assert not systemd.to_journal(9_999)
