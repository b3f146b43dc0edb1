"""The shipped nginx configuration, run by the real nginx over a store and in front of a server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import reserved

SHIPPED = Path(__file__).parents[2] / "deploy" / "nginx"

MAIN = """
{user}
daemon off;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log {access};
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/conf.d/bonded.conf;
}}
"""


PATIENCE = 60.0
"""Seconds that nginx may take to begin, and to end."""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def configure(folder: Path, public: Path, port: int, upstream: int, *, workers: int = 1, access: str = "off") -> None:
    """Write a configuration under `folder` with which nginx serves `public` on `port`."""
    (folder / "conf.d").mkdir(parents=True)
    for shipped in SHIPPED.iterdir():
        shutil.copy(shipped, folder / "conf.d")
    text = (SHIPPED / "bonded.conf").read_text()
    for old, new in (
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{upstream};"),
        ("listen 80;", f"listen 127.0.0.1:{port} reuseport;"),
        ("/var/lib/bonded/public", str(public)),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "conf.d" / "bonded.conf").write_text(text)
    user = "user root;" if os.geteuid() == 0 else ""  # the test's folders are closed to others
    (folder / "nginx.conf").write_text(MAIN.format(user=user, folder=folder, workers=workers, access=access))


@contextmanager
def nginx(folder: Path, public: Path, upstream: int, *, workers: int = 1, access: str = "off") -> Iterator[int]:
    """nginx over `public`, passing the rest on to the port `upstream`; gives its port."""
    with reserved() as port:
        configure(folder, public, port, upstream, workers=workers, access=access)
        command = ["nginx", "-e", f"{folder}/error.log", "-p", str(folder), "-c", f"{folder}/nginx.conf"]
        with (folder / "out").open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            _await(process, port, folder)
            yield port
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _await(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, (folder / "error.log").read_text() + (folder / "out").read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
            return
        except ConnectionError:
            assert time.monotonic() < end, "nginx did not begin"
            time.sleep(0.02)
