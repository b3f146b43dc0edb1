"""Which processes ever open the online key: an audit hook in every one of them writes down each file under keys/ it opens."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.story import packages, uploading
from tests.story.running import BIN, RunningIndex, bonded
from tests.support.ports import reserved

WATCH = """
import os, sys

def note(event, args, seen={}):
    if event == "open" and isinstance(args[0], (str, bytes)) and "/keys/" in os.fsdecode(args[0]):
        line = f"{sys.argv[1] if len(sys.argv) > 1 else '?'} {os.getpid()} {os.path.basename(os.fsdecode(args[0]))}\\n"
        file = os.open(os.environ["KEY_WATCH"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, line.encode())
        os.close(file)

sys.addaudithook(note)
"""
SECRETS = {"online.pem", "passphrase"}


class Watched:
    """A data directory whose processes are watched."""

    def __init__(self, place: Path, port: int) -> None:
        self.directory, self.noted = place / "data", place / "noted"
        bonded("init", self.directory, "--dev-keys")
        (place / "hook").mkdir()
        (place / "hook/sitecustomize.py").write_text(WATCH)
        self.port = port
        self.index = RunningIndex(f"http://127.0.0.1:{self.port}/", self.directory)
        self.env = os.environ | {
            "BONDED_URL": self.index.url,
            "BONDED_SERVE__PROCESSES": "1",
            "BONDED_SCREENING__WORKERS": "1",
            "PYTHONPATH": str(place / "hook"),
            "KEY_WATCH": str(self.noted),
        }

    @contextmanager
    def running(self, name: str) -> Iterator[None]:
        """One command until the end of the `with`, stopped as an operator would."""
        words = [name, str(self.directory), *(["--port", str(self.port)] if name in ("serve", "web") else [])]
        log = self.directory.parent / f"{name}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [BIN / "bonded", *words], env=self.env, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        try:
            assert process.stdout
            assert process.stdout.readline().startswith("ready"), log.read_text()[-3000:]
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, log.read_text()[-3000:]
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(10)

    def publish(self, place: Path) -> None:
        """A file is uploaded, screened, signed and listed."""
        made = packages.make(place / "projects", "watched", version="1.0", backend="hatchling")
        token = self.index.token("ada")
        assert uploading.upload(self.index, token, made.wheel_path).status == 200
        self.index.wait_listed("watched", made.wheel_path.name)

    def holders(self) -> set[tuple[str, str]]:
        """(command, pid) of every process that opened a secret."""
        lines = self.noted.read_text().splitlines() if self.noted.exists() else []
        return {(command, pid) for command, pid, name in map(str.split, lines) if name in SECRETS}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with reserved() as port:
        yield Watched(tmp_path, port)


def test_with_a_signer_process_nobody_else_opens_the_key(watched: Watched, tmp_path: Path) -> None:
    watched.env["BONDED_SIGNER__ENGINE"] = "process"
    with watched.running("signer"), watched.running("serve"):
        watched.publish(tmp_path)
        holders = watched.holders()
    assert {command for command, _ in holders} == {"signer"}
    assert len(holders) == 1
    others = [line for line in watched.noted.read_text().splitlines() if not line.startswith("signer ")]
    assert others == [], "the rest of the index may be forbidden to see the folder at all"


@pytest.mark.slow
def test_without_one_only_the_publisher_does(watched: Watched, tmp_path: Path) -> None:
    with ExitStack() as stack:
        for name in ("publisher", "worker", "web"):
            stack.enter_context(watched.running(name))
        watched.publish(tmp_path)
        holders = watched.holders()
    assert {command for command, _ in holders} == {"publisher"}
    assert len(holders) == 1


def test_a_refresher_and_a_signer_need_no_database(watched: Watched) -> None:
    database = watched.directory / "bonded.db"
    database.rename(watched.directory / "away")
    watched.env["BONDED_SIGNER__ENGINE"] = "process"
    with watched.running("signer"), watched.running("refresher"):
        pass
    assert not database.exists() or not sqlite3.connect(database).execute("SELECT name FROM sqlite_master").fetchall()
