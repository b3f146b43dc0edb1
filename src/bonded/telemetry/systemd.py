"""What systemd asks of a service: to be told when it is ready (sd_notify(3)), and how grave each line of the log is (sd-daemon(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from typing import Any

_LEVELS = {"debug": 7, "warning": 4, "error": 3, "critical": 2}
"""Numbers of syslog(3); a line without one counts as "info" (6)."""


def notify(state: str) -> None:
    """Tell the manager that started us, if it asked: "READY=1", "STOPPING=1", lines of it. A manager that has gone is no failure."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.connect("\0" + address[1:] if address.startswith("@") else address)
            sock.settimeout(2)
            sock.sendall(state.encode())
    except OSError:
        pass  # a manager that waits for it says so itself, when its time is over


def to_journal(descriptor: int) -> bool:
    """Whether what is written there goes to systemd's journal: $JOURNAL_STREAM names its device and inode (systemd.exec(5))."""
    try:
        there = os.fstat(descriptor)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def graded(level: str, line: str) -> str:
    """`line` as the journal takes it, for `journalctl --priority` to find."""
    return f"<{_LEVELS[level]}>{line}" if level in _LEVELS else line


class Graded:
    """Wraps the last processor of structlog, which makes the line."""

    def __init__(self, render: Any) -> None:
        self._render = render

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        level = str(event.get("level", ""))
        return graded(level, self._render(logger, method, event))
