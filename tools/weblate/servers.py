"""The servers that Weblate needs, and Weblate, each on a socket or port of loopback that only this run knows."""

from __future__ import annotations

import getpass
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.weblate.programs import ENVIRONMENT, StoppedError, postgres, run

INSIDE = Path(__file__).parent / "inside"
PATIENCE = 600.0
"""Seconds that a server may take to answer: machines are busy."""


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def database() -> Iterator[Path]:
    """A PostgreSQL of its own with an empty database `weblate`: the folder of its socket. It refuses to run as root."""
    programs = postgres()
    assert programs is not None, "system() saw to it"
    folder = Path(tempfile.mkdtemp(prefix="weblate-postgres-"))
    owner = "postgres" if os.geteuid() == 0 else getpass.getuser()
    shutil.chown(folder, owner)
    become = ("runuser", "-u", owner, "--") if os.geteuid() == 0 else ()
    control = (*become, programs / "pg_ctl", "-s", "-w", "-t", str(int(PATIENCE)), "-D", folder / "data")
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    try:
        run(
            *become,
            programs / "initdb",
            "-D",
            folder / "data",
            "-A",
            "trust",
            "-U",
            "weblate",
            "-E",
            "UTF8",
            "-N",
            cwd=Path("/"),
        )
        run(*control, "-o", options, "-l", folder / "log", "start", cwd=Path("/"))
        try:
            run(programs / "createdb", "-h", folder, "-U", "weblate", "weblate", cwd=Path("/"))
            for extension in ("pg_trgm", "btree_gin"):
                run(
                    programs / "psql",
                    "-q",
                    "-h",
                    folder,
                    "-U",
                    "weblate",
                    "-c",
                    f"CREATE EXTENSION {extension}",
                    cwd=Path("/"),
                )
            yield folder
        finally:
            run(*control, "-m", "immediate", "stop", cwd=Path("/"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def process(
    command: list[str | Path], log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs beside, with all it starts; ended at the end."""
    with log.open("wb") as out:
        started = subprocess.Popen(
            [str(part) for part in command],
            stdout=out, stderr=out, env={**os.environ, **(env or {})}, cwd=log.parent, start_new_session=True,
        )  # fmt: skip
    try:
        yield started
    finally:
        _end(started)


def _end(started: subprocess.Popen[bytes]) -> None:
    if started.poll() is None:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


@contextmanager
def cache(folder: Path) -> Iterator[Path]:
    """A Redis of its own: its socket."""
    at = folder / "redis.sock"
    command: list[str | Path] = ["redis-server", "--port", "0", "--unixsocket", at, "--save", "", "--appendonly", "no"]
    with process(command, folder / "redis.log") as started:
        wait_for(at.exists, started, folder / "redis.log")
        yield at


def settings(folder: Path, postgres_at: Path, redis_at: Path, port: int) -> dict[str, str]:
    """The environment in which Weblate's programs run: where everything is, for inside/loopback.py."""
    house = {
        "site": f"localhost:{port}",
        "data": str(folder / "weblate"),
        "secret": secrets.token_hex(32),
        "key": f"wlu_{secrets.token_hex(18)}",
        "postgres": str(postgres_at),
        "redis": f"unix://{redis_at}?db=1",
    }
    return {
        "BONDED_WEBLATE": json.dumps(house),
        "DJANGO_SETTINGS_MODULE": "loopback",
        "PYTHONPATH": str(INSIDE),
        "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "WLC_URL": f"http://localhost:{port}/api/",
        "WLC_KEY": house["key"],
    }


@contextmanager
def site(folder: Path, env: Mapping[str, str]) -> Iterator[None]:
    """Weblate itself, answering on loopback."""
    log, url = folder / "weblate.log", env["WLC_URL"]
    port = url.split(":")[2].split("/")[0]
    server: list[str | Path] = [
        ENVIRONMENT / "bin" / "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", port, "weblate.wsgi:application",
    ]  # fmt: skip
    with process(server, log, env) as started:
        wait_for(lambda: _answers(url.removesuffix("api/") + "healthz/"), started, log)
        yield


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_for(ready: object, started: subprocess.Popen[bytes], log: Path) -> None:
    """Until `ready()` is true. Raises StoppedError when the program ends before, or PATIENCE does."""
    assert callable(ready)
    until = time.monotonic() + PATIENCE
    while not ready():
        if started.poll() is not None or time.monotonic() > until:
            said = "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:])
            raise StoppedError(f"{log.stem} did not begin to answer:\n{said}")
        time.sleep(0.5)
