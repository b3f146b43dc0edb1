"""What an install costs a client in signed metadata (figure F5): bytes and time, at PyPI's size.

    bench/client.py [--peer PATH] [--projects N] [--page-bins N] [--bins N] [--rounds N] [--quick]

An index of 4,096 page bins and 16,384 file bins is laid out by the code that publishes, as a busy day leaves it: each bin's
version is that of its last change or renewal, and the page bin that is asked for is as full as PyPI's. The server's own HTTP
process serves it; a relay in front counts bodies. Clients: bonded-client and plain python-tuf, new and returning. The peer
program prints the sizes of RSTUF's layout (one set of bins, uncompressed JSON); a new client of it fetches snapshot and bin.
Bytes are of answers under /metadata/ with status 200; the answer that there is no newer root is counted apart.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import math
import multiprocessing
import os
import random
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.server import row
from tuf.ngclient.updater import Updater

from bonded.adapters.signer_file import load_key
from bonded.adapters.storage_files import FileStorage
from bonded.serve.context import ServeContext, ServeSettings
from bonded.serve.life import Life
from bonded.serve.listen import bind
from bonded.serve.process import run_http
from bonded.tuf import pointer
from bonded.tuf.binfile import utc
from bonded.tuf.canonical import canonical, enclose
from bonded.tuf.layout import create_dev_repository
from bonded.tuf.packing import WORTH, zst
from bonded.tuf.roles import SPEC, TIMESTAMP, BinSet, hash32, metadata_name
from bonded.tuf.squeeze import Squeezer
from bonded_client.fetcher import Deadlines, Fetcher, Proxies
from bonded_client.index import Index
from bonded_client.trust import Trust

PROJECTS = 700_000
FILES_A_DAY = 100_000
PUBLICATIONS_A_DAY = 43_200
"""PyPI in 2026, and a publication every two seconds."""
PROJECT = "sampleproject"
PATH = f"simple/{PROJECT}/index.json"


class Store:
    """The public store of such an index under `folder`."""

    def __init__(self, folder: Path, projects: int, page_bins: int, bins: int) -> None:
        self.public = FileStorage(folder / "public")
        self.root = folder / "keys/root.json"
        self._rng = random.Random(1)
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._pages = BinSet("page-bin-1", page_bins.bit_length() - 1, ())
        self._files = BinSet("bin-1", bins.bit_length() - 1, ())
        say(f"signing {page_bins + bins} bins")
        create_dev_repository(self.public, folder / "keys", page_bins=page_bins, bins=bins, now=self._now)
        secret = (folder / "keys/passphrase").read_text().strip().encode()
        self._key = load_key(folder / "keys/online.pem", secret)
        self._n = int(self._now.timestamp() * 10)
        self._versions = {"targets": 1, "pages": 1, "bins": 1} | self._ages()
        self._page_bin(projects)
        self.publish()

    def _ages(self) -> dict[str, int]:
        """Versions of bins: the last change (a Poisson process), or the last renewal where that is younger."""
        found = {}
        for bins, changes in ((self._pages, FILES_A_DAY * 0.6), (self._files, FILES_A_DAY)):
            rate = changes / 2**bins.bits / PUBLICATIONS_A_DAY
            for role in bins.names():
                age = min(self._rng.expovariate(rate), self._rng.uniform(0, 0.5) * PUBLICATIONS_A_DAY)
                found[role] = self._n - math.ceil(age)
        return found

    def _page_bin(self, projects: int) -> None:
        """The bin of `PROJECT`, with as many pages as one of so many projects has."""
        role = self._pages.name(hash32(PATH))
        names = (f"{self._word()}-{self._word()}" for _ in range(projects // 2**self._pages.bits))
        targets = {
            f"simple/{name}/index.{form}": {
                "hashes": {"sha256": self._rng.randbytes(32).hex()},
                "length": self._rng.randrange(600, 60_000),
            }
            for name in (PROJECT, *names)
            for form in ("html", "json")
        }
        signed = canonical(
            {
                "_type": "targets",
                "expires": utc(self._now + timedelta(hours=20)),
                "spec_version": SPEC,
                "targets": targets,
                "version": self._versions[role],
            }
        )
        self._put(metadata_name(role, self._versions[role]), enclose(signed, self._sign(role, signed)))

    def publish(self) -> None:
        """One more publication: ten bins change, snapshot and timestamp move."""
        self._n += 1
        mine = self._pages.name(hash32(PATH))
        for role in self._rng.sample(sorted(self._versions.keys() - {"targets", "pages", "bins", mine}), 10):
            self._versions[role] = self._n
        empty = hashlib.sha256(b"").hexdigest()
        extra = {"publication": self._n, "attempt": "0" * 16, "content": self._n, "changes": empty}
        extra |= {"journal_size": 4_000_000, "journal_root": empty, "at": utc(self._now)}
        expires = self._now + timedelta(days=1)
        _, snapshot = pointer.snapshot(pointer.Listing(self._versions), self._n, expires, extra, self._sign)
        self._put(metadata_name("snapshot", self._n), snapshot)
        _, timestamp = pointer.timestamp(snapshot, self._n, expires, self._sign)
        self.public.put(TIMESTAMP, timestamp)

    def _put(self, name: str, data: bytes) -> None:
        """An object as a publication puts it."""
        self.public.put(name, data)
        if len(data) >= WORTH:
            self.public.put(f"{name}.zst", zst(data))

    def _sign(self, _role: str, payload: bytes) -> list[dict[str, str]]:
        return [self._key.sign(payload).to_dict()]

    def _word(self) -> str:
        return "".join(self._rng.choices("abcdefghijklmnopqrstuvwxyz", k=self._rng.randrange(3, 10)))


def _no_application(_environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    start("404 Not Found", [("Content-Length", "0")])
    return []


def _serve(public: Path, listening: socket.socket) -> None:
    quiet = ServeSettings(access_log="off")
    context = ServeContext(public, _no_application, lambda _: None, lambda: datetime.now(UTC), settings=quiet)
    run_http(context, listening, Life())


@contextmanager
def served(public: Path) -> Iterator[int]:
    """The server's HTTP process over `public`, and the relay in front; gives the relay's port through `Relay`."""
    (listening,) = bind("127.0.0.1", 0, 1)
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(public, listening), daemon=True)
    process.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        process.terminate()
        process.join(10)
        listening.close()


class Relay:
    """Passes requests on and counts the bodies of answers: `counted` holds (path, status, bytes)."""

    def __init__(self, port: int) -> None:
        counted: list[tuple[str, int, int]] = []
        self.counted = counted

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                there = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                there.putrequest("GET", self.path, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in ("host", "connection"):
                        there.putheader(name, value)
                there.endheaders()
                answer = there.getresponse()
                body = answer.read()
                there.close()
                counted.append((self.path, answer.status, len(body)))
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "date", "server"):
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self) -> dict[str, int]:
        """Bytes since the last call: of metadata files, and of answers that something is not there."""
        found = [(status, size) for path, status, size in self.counted if path.startswith("/metadata/")]
        self.counted.clear()
        return {
            "bytes": sum(size for status, size in found if status == 200),
            "absent": sum(size for status, size in found if status == 404),
            "requests": len(found),
        }


def by_bonded_client(url: str, root: bytes, folder: Path) -> None:
    """Look up the page of a project as `bonded-client` does, with what it remembers in `folder`."""
    fetcher = Fetcher(Deadlines(), Proxies())
    found = Trust(Index.at(url), root, folder, fetcher).target(PATH)
    fetcher.close()
    assert found is not None


def by_python_tuf(url: str, root: bytes, folder: Path) -> None:
    """The same with the library alone."""
    (folder / "metadata").mkdir(parents=True, exist_ok=True)
    updater = Updater(str(folder / "metadata"), f"{url}metadata/", bootstrap=root)
    assert updater.get_targetinfo(PATH) is not None


CLIENTS = {"bonded-client": by_bonded_client, "python-tuf": by_python_tuf}


def measure(store: Store, relay: Relay, rounds: int) -> dict[tuple[str, str], dict[str, float]]:
    """(client, case) -> medians of bytes, absent, requests and seconds. Rounds are interleaved."""
    root = store.root.read_bytes()
    runs: dict[tuple[str, str], list[dict[str, float]]] = {}

    def run(name: str, case: str, folder: Path) -> None:
        relay.take()
        start = time.perf_counter()
        CLIENTS[name](relay.url, root, folder)
        seconds = time.perf_counter() - start
        runs.setdefault((name, case), []).append({**relay.take(), "seconds": seconds})

    squeezer = Squeezer(store.public)
    for turn in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            store.publish()
            for name in CLIENTS:
                run(name, "new, before the squeeze", Path(place) / f"{name}-fast")
            squeezer.squeeze()
            for name in CLIENTS:
                run(name, "new", Path(place) / name)
                run(name, "returning", Path(place) / name)
            store.publish()
            squeezer.squeeze()
            for name in CLIENTS:
                run(name, "returning after a publication", Path(place) / name)
        say(f"round {turn + 1} of {rounds}")
    return {key: {name: statistics.median(run[name] for run in all_) for name in all_[0]} for key, all_ in runs.items()}


def peer(path: Path, targets: int, bins: int) -> dict[str, dict[str, int]]:
    """Sizes of the peer's files: {"bin"|"snapshot"|"timestamp": {"raw", "gzip6", ...}}."""
    say("the peer")
    with tempfile.TemporaryDirectory(prefix="bonded-bench-") as place:
        words = [sys.executable, str(path), "--who", "peer", "--targets", str(targets), "--bins", str(bins)]
        words += ["--batch", "1", "--reps", "1", "--no-fsync", "--dir", place]
        out = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    for one in map(json.loads, out.splitlines()):
        if "sizes" in one:
            sizes: dict[str, dict[str, int]] = one["sizes"]["peer"]
            return sizes
    raise SystemExit(f"{path} printed no sizes")


def report(
    found: dict[tuple[str, str], dict[str, float]], theirs: dict[str, dict[str, int]], params: dict[str, Any]
) -> None:
    """Against the aims (`limit`), against the peer's layout, and bonded-client against the library alone."""
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    aims = {"new": 130_000, "new, before the squeeze": 130_000, "returning": 500}
    for (name, case), one in found.items():
        about = params | {"client": name, "case": case, "requests": one["requests"], "absent_bytes": one["absent"]}
        if case in aims:
            row("client.bytes", about, one["bytes"], "bytes", "limit", aims[case], "lower", rss)
        if case.startswith("new") and theirs:
            for form in ("raw", "gzip6"):
                other = theirs["snapshot"][form] + theirs["bin"][form] + theirs["timestamp"]["raw"]
                row("client.bytes", about | {"peer_form": form}, one["bytes"], "bytes", "peer", other, "lower", rss)
        if name == "bonded-client":
            library = found["python-tuf", case]
            about |= {"against": "plain python-tuf"}
            row("client.bytes", about, one["bytes"], "bytes", "peer", library["bytes"], "lower", rss)
            row("client.seconds", about, one["seconds"], "s", "peer", library["seconds"], "lower", rss)


def say(words: str) -> None:
    """Progress on standard error."""
    print(words, file=sys.stderr, flush=True)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--projects", type=int, default=PROJECTS)
    parser.add_argument("--targets", type=int, default=15_700_000, help="files, for the peer's bin")
    parser.add_argument("--page-bins", type=int, default=4096)
    parser.add_argument("--bins", type=int, default=16_384)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two rounds")
    args = parser.parse_args()
    params = {"projects": args.projects, "page_bins": args.page_bins, "bins": args.bins, "cpus": os.cpu_count()}
    with tempfile.TemporaryDirectory(prefix="bonded-bench-") as folder:
        store = Store(Path(folder), args.projects, args.page_bins, args.bins)
        with served(Path(folder) / "public") as port:
            relay = Relay(port)
            found = measure(store, relay, 2 if args.quick else args.rounds)
            relay.close()
    report(found, peer(args.peer, args.targets, args.bins) if args.peer else {}, params)


if __name__ == "__main__":
    main()
