"""Resolve and install through `bonded-client proxy` beside the same straight from the index, by real uv and pip.

Both ask the same nginx over the same signed tree, through the same line of a given round trip (an index is not on this
machine). `cold`: the proxy has just been started and has never seen the index; `warm`: it runs and has served this before. The
installers begin without a cache of their own. `ratio` is direct / through the proxy: 0.77 is 1.3 times as long.

    ./dev bench proxy [--quick] [--rounds N]
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.proxy_data import PROJECTS, build
from bench.server import memory_mb, row
from tests.serve.nginx import free_port, nginx
from tests.story import clients

VAR = Path(__file__).resolve().parent.parent / "var/bench-proxy"
SIZES = {"company": (16, 20), "large": (4096, 340)}
"""Page bins, and targets in each: an index of some hundred projects, and one of PyPI's size."""
CLIENT = Path(sys.executable).parent / "bonded-client"


def prepared(size: str) -> Path:
    """The tree of this size, made anew: its signatures last a day."""
    folder = VAR / size
    shutil.rmtree(folder, ignore_errors=True)
    build(folder, *SIZES[size])
    return folder


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Pass on what comes, each piece `delay` seconds later, without slowing the flow."""
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1024)

    async def send() -> None:
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not piece:
                writer.close()
                return
            writer.write(piece)
            await writer.drain()

    sending = asyncio.ensure_future(send())
    try:
        while piece := await reader.read(256 * 1024):
            await pieces.put((time.monotonic() + delay, piece))
        await pieces.put((time.monotonic() + delay, b""))
        await sending
    except ConnectionError:
        sending.cancel()
        writer.close()


def _line(port: int, upstream: int, delay: float) -> None:
    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", upstream)
        await asyncio.gather(_pump(reader, back, delay), _pump(there, writer, delay), return_exceptions=True)

    async def serve() -> None:
        server = await asyncio.start_server(joined, "127.0.0.1", port, backlog=256)
        await server.serve_forever()

    asyncio.run(serve())


@contextmanager
def line(upstream: int, round_trip: float) -> Iterator[int]:
    """A port that leads to `upstream`, each way taking half of `round_trip` seconds; the port itself for none."""
    if not round_trip:
        yield upstream
        return
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(
        target=_line, args=(port, upstream, round_trip / 2), daemon=True
    )
    process.start()
    time.sleep(1.0)
    try:
        yield port
    finally:
        process.terminate()
        process.join()


@contextmanager
def proxy(index: str, root: Path, cache: Path) -> Iterator[tuple[int, str]]:
    """The proxy as a process: its pid and its address."""
    words = [CLIENT, "--index", index, "--root", root, "--cache", cache, "proxy", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        ready = process.stdout.readline().split()
        if not ready:
            raise SystemExit("the proxy did not start")
        try:
            yield process.pid, ready[1]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


PROJECT = """[project]
name = "bench-user"
version = "1"
requires-python = ">=3.11"
dependencies = ["bench-app"]

[tool.uv]
package = false
"""


def _words(what: str, simple: str, place: Path) -> list[str]:
    """The command of `what`; it leaves what it fetched or resolved in `place`/got."""
    got, python = place / "got", clients.environment("pip") / "bin/python"
    if what == "pip":
        return ["download", "--no-cache-dir", "-q", "--index-url", simple, "-d", str(got), "bench-app"]
    index = ["--no-cache", "--default-index", simple, "--python", str(python)]
    if what == "uv":
        return ["pip", "install", *index, "--target", str(got), "bench-app"]
    got.mkdir()
    (got / "pyproject.toml").write_text(PROJECT)
    return ["lock" if what == "uv lock" else "sync", *index, "--project", str(got)]


def _fetched(what: str, place: Path) -> int:
    """How many projects it fetched; for a lock, how many it resolved."""
    if what == "uv lock":
        return (place / "got/uv.lock").read_text().count("[[package]]") - 1  # but the one that needs them
    pattern = {"pip": "*.whl", "uv": "*.dist-info", "uv sync": ".venv/lib/python*/site-packages/*.dist-info"}[what]
    return len(list((place / "got").glob(pattern)))


def install(what: str, simple: str) -> float:
    """Seconds that it takes to resolve the application and all that it needs, and, but for `uv lock`, to fetch (uv: unpack) it."""
    installer = what.split()[0]
    with tempfile.TemporaryDirectory() as where:
        place = Path(where)
        words = _words(what, simple, place)
        program = clients.environment(installer) / "bin" / installer
        began = time.perf_counter()
        done = subprocess.run([program, *words], env=clients.bare(place / "home"), capture_output=True, text=True)
        taken = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(f"{what} failed at {simple}: {done.stderr[-800:]}")
        if (found := _fetched(what, place)) != PROJECTS + 1:
            raise SystemExit(f"{what} got {found} projects")
    return taken


def measure(size: str, installer: str, round_trip: float, rounds: int, tree: Path, nginx_port: int) -> None:
    """Interleaved rounds; prints one row for a cold and one for a warm proxy."""
    direct: list[float] = []
    through: dict[str, list[float]] = {"cold": [], "warm": []}
    memory = 0.0
    with line(nginx_port, round_trip) as port:
        index = f"http://127.0.0.1:{port}/"
        install(installer, f"{index}simple/")  # the kernel's caches
        for _ in range(rounds):
            direct.append(install(installer, f"{index}simple/"))
            with tempfile.TemporaryDirectory() as cache, proxy(index, tree / "root.json", Path(cache)) as (pid, simple):
                through["cold"].append(install(installer, simple))
                through["warm"].append(install(installer, simple))
                memory = max(memory, memory_mb(pid))
    for state, seconds in through.items():
        params = {"installer": installer, "index": size, "round_trip_ms": round(round_trip * 1000), "rounds": rounds}
        value, other = statistics.median(seconds), statistics.median(direct)
        row(f"proxy.install.{state}", params | {"projects": PROJECTS + 1}, value, "s", "limit", other, "lower", memory)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round of the smaller index: within two minutes")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--only", default="", help="rows whose 'installer index round-trip' have this in them")
    parser.add_argument("--peer", help="not used: the limit is the same installation without the proxy")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 5)
    for size in list(SIZES)[: 1 if options.quick else None]:
        tree = prepared(size)
        with (
            tempfile.TemporaryDirectory() as where,
            nginx(Path(where), tree / "public", free_port(), workers=2) as port,
        ):
            for installer in ("uv", "uv lock", "uv sync", "pip"):
                for round_trip in (0.0, 0.03):
                    if options.only in f"{installer} {size} {round(round_trip * 1000)}":
                        measure(size, installer, round_trip, rounds, tree, port)
    print(f"# load {os.getloadavg()[0]:.1f}", file=sys.stderr)


if __name__ == "__main__":
    main()
