"""A running index as its users meet it: addresses, tokens made by the command line, and pages to wait for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.ports import reserved

BIN = Path(sys.executable).parent
JSON = "application/vnd.pypi.simple.v1+json"


def bonded(*words: str | Path) -> str:
    """Run the `bonded` command and return what it printed. Fails the test with what it said otherwise."""
    done = subprocess.run([BIN / "bonded", *map(str, words)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"bonded {words[0]} exited {done.returncode}: {done.stderr}"
    return done.stdout


@dataclass
class RunningIndex:
    """`url` ends in '/'; `directory` is the data directory."""

    url: str
    directory: Path
    users: set[str] = field(default_factory=set)

    @property
    def legacy(self) -> str:
        return self.url + "legacy/"

    @property
    def simple(self) -> str:
        return self.url + "simple/"

    @property
    def root(self) -> Path:
        """The root of trust, as an administrator hands it out."""
        return self.directory / "keys/root.json"

    def token(self, user: str, *words: str) -> str:
        """A new API token of `user`, who is made when new."""
        if user not in self.users:
            bonded("user", "create", user, "--email", f"{user}@example.invalid", "--dir", self.directory)
            self.users.add(user)
        return bonded("token", "create", user, *words, "--dir", self.directory).strip()

    def get(self, path: str, accept: str = "*/*") -> tuple[int, bytes]:
        """Status and body of a path under the index."""
        request = urllib.request.Request(self.url + path, headers={"Accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def files(self, project: str) -> dict[str, dict[str, object]]:
        """The files on the JSON page of `project`, by name; none while it has no page."""
        status, body = self.get(f"simple/{project}/", JSON)
        assert status in {200, 404}, body
        return {file["filename"]: file for file in json.loads(body)["files"]} if status == 200 else {}

    def wait_until(self, there: Callable[[], bool], seconds: float = 120) -> None:
        """Wait until `there()`."""
        end, asked = time.monotonic() + seconds, time.monotonic()
        while not there():
            assert asked < end, f"not so after {seconds:.0f} s"
            time.sleep(0.1)
            asked = time.monotonic()  # a slow answer is in time when it was asked for in time

    def wait_listed(self, project: str, *filenames: str, seconds: float = 120) -> dict[str, dict[str, object]]:
        """Wait until the page of `project` lists all `filenames`; returns its files."""
        end = time.monotonic() + seconds
        while not set(filenames) <= (files := self.files(project)).keys():
            assert time.monotonic() < end, f"after {seconds:.0f} s {project} lists only {sorted(files)}"
            time.sleep(0.1)
        return files


@contextmanager
def running(place: Path) -> Iterator[RunningIndex]:
    """`bonded init --dev-keys` and `bonded serve` in `place`, stopped as an operator would: SIGTERM, exit status 0."""
    directory = place / "data"
    bonded("init", directory, "--dev-keys", "--admin", "admin")
    with reserved() as port, _serving(place, directory, port) as index:
        yield index


@contextmanager
def _serving(place: Path, directory: Path, port: int) -> Iterator[RunningIndex]:
    url = f"http://127.0.0.1:{port}/"
    settings = {"BONDED_URL": url, "BONDED_SERVE__PROCESSES": "1", "BONDED_SCREENING__WORKERS": "1"}
    with (place / "server.log").open("w") as log:
        server = subprocess.Popen(
            [BIN / "bonded", "serve", directory, "--port", str(port)],
            env=os.environ | settings,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        assert server.stdout
        line = server.stdout.readline()
        assert line.startswith("ready "), (place / "server.log").read_text()[-4000:]
        yield RunningIndex(line.split()[1], directory)
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0, (place / "server.log").read_text()[-4000:]
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(10)
