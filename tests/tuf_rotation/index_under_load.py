"""An index as its users meet it while it changes its keys: server and signer as processes, uploads, and readers without pause."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuf.ngclient import Updater

from tests.story.running import BIN, RunningIndex, bonded
from tests.story.uploading import upload
from tests.tufjs.client import TufJs

PER_SECOND = 5
PROJECTS = tuple(f"drill-{name}" for name in ("ash", "elm", "fir", "oak", "yew"))


def wheel(folder: Path, project: str, version: str) -> Path:
    """A small, right wheel."""
    module = project.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\nSummary: a tree\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(text)}")
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,"]) + "\n"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    path = folder / f"{module}-{version}-py3-none-any.whl"
    path.write_bytes(data.getvalue())
    return path


@dataclass
class Running:
    """Server and signer on one data directory; `signer_keys` are the URIs that the signer holds."""

    index: RunningIndex
    signer: subprocess.Popen[str]

    def hold(self, *uris: str) -> None:
        """The signer ends and comes back with these keys, as an operator does it; the server goes on."""
        stop(self.signer)
        self.signer = start("signer", self.index.directory, {"BONDED_SIGNER__KEYS": json.dumps(uris)})

    def change(self) -> dict[str, Any]:
        """The change of keys or bins, from `bonded tuf status`."""
        words = [BIN / "bonded", "tuf", "status", "--json", "--dir", self.index.directory]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        found: dict[str, Any] = json.loads(done.stdout)["change"]
        return found

    def wait_done(self, seconds: float = 600) -> None:
        """Until the change is over."""
        end = time.monotonic() + seconds
        while (change := self.change())["state"] != "done":
            assert change["state"] == "running", change
            assert time.monotonic() < end, change["says"]
            time.sleep(1)


def start(what: str, directory: Path, env: dict[str, str], *words: str) -> subprocess.Popen[str]:
    """A process of Bonded that has said it is ready."""
    with (directory.parent / f"{what}.log").open("a") as log:
        process = subprocess.Popen(
            [BIN / "bonded", what, directory, *words],
            env=os.environ | env,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    assert process.stdout
    assert process.stdout.readline().startswith("ready"), (directory.parent / f"{what}.log").read_text()[-3000:]
    return process


def stop(process: subprocess.Popen[str]) -> None:
    """As an operator would."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def running(place: Path, bins: int) -> Iterator[Running]:
    """An index with a signer of its own."""
    directory = place / "data"
    bonded("init", directory, "--dev-keys", "--page-bins", str(bins), "--bins", str(bins))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    env = {"BONDED_URL": url, "BONDED_SIGNER__ENGINE": "process", "BONDED_SERVE__PROCESSES": "1"}
    found = Running(RunningIndex(url, directory), start("signer", directory, {}))
    server = start("serve", directory, env, "--port", str(port))
    try:
        yield found
    finally:
        stop(server)
        stop(found.signer)


@dataclass
class Load:
    """Threads that upload and read without pause until `stop` is set. `errors`: what went wrong, by whom."""

    running: Running
    place: Path
    stop: threading.Event = field(default_factory=threading.Event)
    errors: list[str] = field(default_factory=list)
    reads: dict[str, int] = field(default_factory=dict)
    uploaded: list[tuple[str, Path]] = field(default_factory=list)

    def uploads(self) -> Callable[[], None]:
        """Uploads, PER_SECOND of them where the machine can."""
        token = self.running.index.token("ranger")
        folder = self.place / "wheels"
        folder.mkdir()
        due = [time.monotonic()]

        def one() -> None:
            number = len(self.uploaded) + 1
            project = PROJECTS[number % len(PROJECTS)]
            path = wheel(folder, project, f"{number}.0")
            answer = upload(self.running.index, token, path)
            assert answer.status == 200, answer
            self.uploaded.append((project, path))
            due[0] = max(due[0] + 1 / PER_SECOND, time.monotonic() - 1)
            time.sleep(max(0.0, due[0] - time.monotonic()))

        return one

    def python_tuf(self, *, fresh: bool) -> Callable[[], None]:
        """Refreshes, reads a page, and a file that is on it."""
        count = [0]

        def one() -> None:
            count[0] += fresh
            self.look(self.place / f"python-tuf-{fresh}-{count[0]}", random.choice(PROJECTS))

        return one

    def look(self, folder: Path, project: str) -> set[str]:
        """The files on the page of `project`, as a client with that folder verifies them; one of them is downloaded."""
        url, root = self.running.index.url, self.running.index.root.read_bytes()
        (folder / "got").mkdir(parents=True, exist_ok=True)
        bootstrap = None if (folder / "root.json").exists() else root
        updater = Updater(str(folder), f"{url}metadata/", str(folder / "got"), url, bootstrap=bootstrap)
        page = updater.get_targetinfo(f"simple/{project}/index.json")
        if page is None:
            return set()
        files = json.loads(Path(updater.download_target(page)).read_bytes())["files"]
        if files:
            name = random.choice(files)["filename"]
            target = updater.get_targetinfo(f"packages/{project}/{name}")
            assert target is not None, f"{name} is on its page and in no bin"
            updater.download_target(target)
        return {file["filename"] for file in files}

    def tuf_js(self, js: TufJs) -> Callable[[], None]:
        """Comes back, and comes anew, in turns."""
        count = [0]

        def one() -> None:
            count[0] += 1
            folder = self.place / (f"tuf-js-{count[0]}" if count[0] % 2 else "tuf-js")
            root, base = self.running.index.root.read_bytes(), self.running.index.url
            project, path = self.uploaded[0]
            paths = [f"simple/{project}/index.html", f"packages/{project}/{path.name}"]
            seen = js.look(base, folder, paths, root=root)
            assert seen.targets[paths[1]] == hashlib.sha256(path.read_bytes()).hexdigest()

        return one

    def pip(self, run: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[[], None]:
        """Plain pip downloads the newest version."""

        def one() -> None:
            folder = self.place / "pip"
            folder.mkdir(exist_ok=True)
            words = ("download", "--no-deps", "--no-cache-dir", "-q", "--index-url", self.running.index.simple)
            done = run("pip", *words, random.choice(PROJECTS), cwd=folder)
            assert done.returncode == 0, done.stderr

        return one

    @contextmanager
    def go(self, **workers: Callable[[], None]) -> Iterator[None]:
        """Each worker in a thread, over and over."""
        threads = [threading.Thread(target=self._over_and_over, args=item) for item in workers.items()]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(120)

    def _over_and_over(self, name: str, one: Callable[[], None]) -> None:
        while not self.stop.is_set():
            try:
                one()
                self.reads[name] = self.reads.get(name, 0) + 1
            except (Exception, AssertionError) as error:
                self.errors.append(f"{name}: {type(error).__name__}: {error}"[:2000])
                time.sleep(0.2)
