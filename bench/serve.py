"""How fast the built-in server answers reads (figures I1-I3), beside nginx over the same files in the same run.

    bench/serve.py [--peer PATH] [--rounds N] [--seconds S] [--connections C] [--quick]

A fresh data directory and the real `bonded serve`; the pages are rendered by the code that publishes them. Meanwhile 20
clients upload a byte at a time and 500 connections are idle. Rounds are interleaved, medians are reported: `limit` rows
compare with nginx under the shipped configuration (both write access logs). With --peer, the load program of that path
measures the same two servers in its own way, and rows `against` "peer" say what it found.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import random
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import zstandard

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.server import Server, memory_mb, row, serving, with_person, wrk
from tests.serve.nginx import nginx

from bonded.catalog.pages import PageFile, PageState
from bonded.tuf.pages import page_html, page_json
from bonded.values.states import PackageType, ProjectStatus

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
JSON = "application/vnd.pypi.simple.v1+json"
SLOW, IDLE = 20, 500
CASES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("small_page", "/simple/proj-001/", {"Accept": "text/html"}),
    ("big_page_json_gzip", "/simple/big-project/", {"Accept": JSON, "Accept-Encoding": "gzip"}),
    ("wheel_100k", "/packages/blob-project/blob_project-1.0-py3-none-any.whl", {}),
)


def fill(public: Path) -> None:
    """Three projects as a publication leaves them: 5 files, 1,000 files, one file of 100 KB."""
    rng = random.Random(1)
    for name, count, size in (("proj-001", 5, 1024), ("big-project", 1000, 1024), ("blob-project", 1, 100 * 1024)):
        files = tuple(_file(public, rng, name, number, size) for number in range(count))
        versions = tuple(one.version for one in files)
        state = PageState(name, name, ProjectStatus.ACTIVE, "", 1, versions, files, NOW, {})
        folder = public / "simple" / name
        folder.mkdir(parents=True)
        for form, data in (("html", page_html(state, 1)), ("json", page_json(state, 1))):
            (folder / f"index.{form}").write_bytes(data)
            (folder / f"index.{form}.gz").write_bytes(gzip.compress(data))
            (folder / f"index.{form}.zst").write_bytes(zstandard.compress(data))


def _file(public: Path, rng: random.Random, name: str, number: int, size: int) -> PageFile:
    version = f"{number}.0" if number else "1.0"
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    data = rng.randbytes(size)
    if number == 0:
        (public / "packages" / name).mkdir(parents=True)
        (public / "packages" / name / filename).write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    return PageFile(
        str(number), filename, version, PackageType.WHEEL, "py3", size, digest, digest[:32], digest, ">=3.8", digest, 900,
        False, "", NOW, "",
    )  # fmt: skip


@contextmanager
def disturbance(port: int, token: str) -> Iterator[None]:
    """Slow uploads that send a byte now and then, and idle connections."""
    over = threading.Event()
    slow = [_begin_upload(port, token) for _ in range(SLOW)]
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(IDLE)]

    def drip() -> None:
        while not over.wait(0.5):
            for one in slow:
                one.sendall(b"x")

    dripping = threading.Thread(target=drip, daemon=True)
    dripping.start()
    try:
        yield
        for one in slow:
            _still_open(one)
    finally:
        over.set()
        dripping.join()
        for one in slow + idle:
            one.close()


def _begin_upload(port: int, token: str) -> socket.socket:
    one = socket.create_connection(("127.0.0.1", port))
    one.sendall(
        b"POST /legacy/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
        b"Authorization: Basic "
        + base64.b64encode(f"__token__:{token}".encode())
        + b"\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
        b'--b\r\nContent-Disposition: form-data; name="content"; filename="x-1.0.tar.gz"\r\n\r\n'
    )
    return one


def _still_open(one: socket.socket) -> None:
    """Fail unless the server still waits for this upload: a bench without its load would flatter."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ)
        if selector.select(0):
            raise SystemExit(f"a slow upload was ended during the measurement: {one.recv(300)!r}")


def measure(ours: int, theirs: int, rounds: int, seconds: float, connections: int, server: Server) -> None:
    """Interleaved rounds of each case; prints two rows for each."""
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    for turn in range(rounds):
        for name, path, headers in CASES:
            for port in (ours, theirs) if turn % 2 else (theirs, ours):
                found.setdefault((name, port), []).append(
                    wrk(f"http://127.0.0.1:{port}{path}", seconds, connections, headers)
                )
            print(f"# round {turn + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
    rss = memory_mb(server.pid)
    params = {"nginx_workers": 2, "connections": connections, "slow_uploads": SLOW, "idle": IDLE, "rounds": rounds}
    for name, _, _ in CASES:
        a, b = (
            {key: statistics.median(run[key] for run in found[name, port]) for key in ("rps", "p99")}
            for port in (ours, theirs)
        )
        row(f"serve.{name}", params, a["rps"], "req/s", "limit", b["rps"], "higher", rss)
        row(f"serve.{name}.p99", params, a["p99"], "ms", "limit", b["p99"], "lower", rss)


def by_peer(peer: str, ours: int, theirs: int, rounds: int, seconds: float, connections: int, server: Server) -> None:
    """The same two servers, measured by the program at `peer`."""
    phases = {"small_html": "small_page", "big_json_gzip": "big_page_json_gzip", "file_100k": "wheel_100k"}
    servers = [
        {"server": name, "base_url": f"http://127.0.0.1:{port}"} for name, port in (("ours", ours), ("nginx", theirs))
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as config:
        json.dump(servers, config)
        config.flush()
        words = [
            sys.executable,
            peer,
            "multi",
            "--config",
            config.name,
            "--rounds",
            str(rounds),
            "--seconds",
            str(max(1, round(seconds))),
        ]
        words += ["--connections", str(connections), "--phases", *phases]
        out = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
    results = {one["server"]: one["results"] for one in map(json.loads, out.splitlines())}
    params = {"load_by": Path(peer).name, "server": "nginx", "connections": connections, "rounds": rounds}
    for phase, name in phases.items():
        a, b = results["ours"][phase]["rps"], results["nginx"][phase]["rps"]
        row(f"serve.{name}", params, a, "req/s", "peer", b, "higher", memory_mb(server.pid))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default="", help="a load program (shared/bench/index_peer.py)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--quick", action="store_true")
    a = parser.parse_args()
    rounds, seconds = (2, 2.0) if a.quick else (a.rounds, a.seconds)
    with tempfile.TemporaryDirectory(prefix="bonded-bench-") as temporary:
        folder = Path(temporary)
        token = with_person(folder / "data")
        with serving(folder / "data") as server:
            fill(folder / "data" / "public")
            access = f"{folder}/access.log combined buffer=64k flush=1s"
            with (
                nginx(folder / "nginx", folder / "data" / "public", server.port, workers=2, access=access) as theirs,
                disturbance(server.port, token),
            ):
                measure(server.port, theirs, rounds, seconds, a.connections, server)
                if a.peer:
                    by_peer(a.peer, server.port, theirs, rounds, seconds, a.connections, server)


if __name__ == "__main__":
    main()
