"""The shipped systemd unit: what it starts exists, and it leaves time for the graceful end."""

from __future__ import annotations

from pathlib import Path

from bonded.cli.serve import serve
from bonded.serve.group import GroupSettings

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "bonded.service"


def setting(name: str) -> str:
    (found,) = [line.partition("=")[2] for line in UNIT.read_text().splitlines() if line.startswith(name + "=")]
    return found


def test_the_group_ends_before_systemd_kills_it() -> None:
    assert setting("KillMode") == "mixed"
    assert float(setting("TimeoutStopSec")) > GroupSettings().stop_timeout


def test_what_it_starts_exists() -> None:
    program, command, directory, *options = setting("ExecStart").split()
    assert program.endswith("/bonded")
    assert command == serve.name
    known = {name for parameter in serve.params for name in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known
    assert directory == setting("ReadWritePaths")


def test_it_writes_nowhere_else() -> None:
    assert setting("ProtectSystem") == "strict"
    assert setting("NoNewPrivileges") == "yes"
    assert setting("CapabilityBoundingSet") == ""
