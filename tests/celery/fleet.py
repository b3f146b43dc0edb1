"""An index whose workers are separate commands, told by a broker what there is to do."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import signal
import subprocess
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from sqlalchemy import func, select

from bonded.catalog.tables import file, finding, screening_run, verdict
from bonded.db.engine import Database
from bonded.db.jobs import job
from tests.story.running import BIN, RunningIndex, bonded
from tests.story.uploading import Answer, upload
from tests.support.ports import reserved

HOSTILE = "import base64\n\nexec(base64.b64decode('cHJpbnQoMSk='))\n"


@dataclass
class Fleet:
    """`bonded web` and any number of `bonded worker` on one data directory."""

    index: RunningIndex
    db: Database
    place: Path
    token: str
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    def start_worker(self) -> subprocess.Popen[str]:
        log = (self.place / f"worker-{len(list(self.place.glob('worker-*')))}.log").open("w")
        made = _spawn(["worker", str(self.index.directory)], log)
        self.workers.append(made)
        return made

    def kill(self, worker: subprocess.Popen[str]) -> None:
        """As when a machine loses its power: the whole group at once."""
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(10)
        self.workers.remove(worker)

    def upload(self, name: str, version: str, source: str = HOSTILE) -> Answer:
        path = self.place / f"{name}-{version}-py3-none-any.whl"
        path.write_bytes(wheel(name, version, source))
        return upload(self.index, self.token, path)

    def waiting(self) -> int:
        with self.db.read() as conn:
            return conn.execute(select(func.count()).where(job.c.queue == "screen")).scalar_one()

    def until(self, there: Callable[[], bool], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not there():
            assert time.monotonic() < end, self.logs()
            time.sleep(0.1)

    def logs(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in self.place.glob("*.log"))

    def wrong(self, uploads: int) -> list[str]:
        """What is not exactly once: one verdict for each file, each check and version once, no finding twice."""
        with self.db.read() as conn:
            files = conn.execute(select(func.count()).select_from(file)).scalar_one()
            verdicts = list(conn.execute(select(verdict.c.file_id)).scalars())
            runs = conn.execute(
                select(screening_run.c.subject_id, screening_run.c.check, screening_run.c.version).where(
                    screening_run.c.subject_kind == "file"
                )
            ).all()
            found = conn.execute(
                select(
                    finding.c.file_id,
                    finding.c.check,
                    finding.c.version,
                    finding.c.path,
                    finding.c.line,
                    finding.c.message,
                )
            ).all()
        wrong = [] if files == uploads else [f"{files} files, {uploads} uploads"]
        wrong += [] if len(verdicts) == len(set(verdicts)) == files else [f"{len(verdicts)} verdicts on {files} files"]
        for words, rows in (("runs", runs), ("findings", found)):
            if len(rows) != len(set(rows)):
                wrong.append(f"{len(rows) - len(set(rows))} {words} are there twice")
        checks = len({(row.check, row.version) for row in runs})
        if len(runs) != checks * files:
            wrong.append(f"{len(runs)} runs of {checks} checks on {files} files")
        return wrong


def wheel(name: str, version: str, source: str) -> bytes:
    buffer = io.BytesIO()
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: sample\n"
    members = {
        f"{name}/__init__.py": source,
        f"{name}-{version}.dist-info/METADATA": head,
        f"{name}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{name}-{version}.dist-info/RECORD"
    members[record] = (
        "".join(f"{path},{_digest(text)},{len(text)}\n" for path, text in members.items()) + f"{record},,\n"
    )
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


def _digest(text: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def metrics(index: RunningIndex) -> str:
    with urllib.request.urlopen(index.url + "metrics", timeout=60) as reply:
        return str(reply.read().decode())


def told_workers(index: RunningIndex) -> list[dict[str, object]]:
    return list(json.loads(bonded("job", "workers", "--json", "--dir", index.directory))["workers"])


def _spawn(words: list[str], log: TextIO) -> subprocess.Popen[str]:
    made = subprocess.Popen(
        [BIN / "bonded", *words],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,
    )
    assert made.stdout
    assert made.stdout.readline().startswith("ready"), Path(log.name).read_text()[-3000:]
    return made


@contextmanager
def fleet(place: Path, open_db: Callable[[Path], Database]) -> Iterator[Fleet]:
    """Settings come by environment, set before. Workers are started by the test."""
    directory = place / "data"
    bonded("init", directory, "--dev-keys", "--admin", "admin")
    with reserved() as port:
        index = RunningIndex(f"http://127.0.0.1:{port}/", directory)
        web = None
        made = Fleet(index, open_db(directory), place, index.token("ursula"))
        try:
            with (place / "web.log").open("w") as log:
                web = _spawn(["web", str(directory), "--port", str(port)], log)
            yield made
        finally:
            for one in [*made.workers, *([web] if web else [])]:
                os.killpg(one.pid, signal.SIGKILL)
                one.wait(10)
            made.db.close()
