"""An index whose stores are buckets some way off, beside the same index over files: a real S3 server (moto) behind a line of a given
round trip, SQLite, the real `bonded serve`. Uploads of projects of their own come at a steady rate; measured are their answers, and
how long after the last answer every project's page is there for pip. Then the server stops, and what reads everything is run:
`bonded fsck`, `bonded tuf compare`, and `bonded tuf recover` after the database was lost.

    ./dev bench far [--quick] [--count N] [--rate N] [--round-trip MS]
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.proxy import line
from bench.server import command, memory_mb, row, serving, with_person
from bench.upload import Wheel, form, headers_of, wheels
from tests.support.s3 import KEYS, running_s3

PATIENCE = 300.0


@contextmanager
def buckets(round_trip: float) -> Iterator[dict[str, str]]:
    """The settings and credentials of an index in new buckets, `round_trip` seconds away."""
    with running_s3() as address, line(urlsplit(address).port or 0, round_trip) as port:
        for name in ("vault", "public"):
            urllib.request.urlopen(urllib.request.Request(f"{address}/bench-{name}", method="PUT")).close()
        yield {
            "BONDED_STORAGE__VAULT": "s3://bench-vault",
            "BONDED_STORAGE__PUBLIC": "s3://bench-public",
            "BONDED_STORAGE__S3_ENDPOINT": f"http://127.0.0.1:{port}",
            "BONDED_STORAGE__S3_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": KEYS["access_key"],
            "AWS_SECRET_ACCESS_KEY": KEYS["secret_key"],
        }


def send(port: int, token: str, some: list[Wheel], rate: float) -> list[float]:
    """Seconds of each upload, sent at `rate` per second whether earlier ones were answered or not."""
    headers = headers_of(token)
    taken: list[float] = []
    wrong: list[str] = []

    def one(wheel: Wheel) -> None:
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request("POST", "/legacy/", form(wheel), headers)
        reply = connection.getresponse()
        if reply.status != 200:
            wrong.append(f"{reply.status} {reply.reason}")
        reply.read()
        connection.close()
        taken.append(time.perf_counter() - began)

    threads = [threading.Thread(target=one, args=(wheel,)) for wheel in some]
    began = time.perf_counter()
    for turn, thread in enumerate(threads):
        time.sleep(max(0.0, began + turn / rate - time.perf_counter()))
        thread.start()
    for thread in threads:
        thread.join()
    if wrong or len(taken) != len(some):
        raise SystemExit(f"{len(some) - len(taken)} uploads failed, refused were {wrong}")
    return sorted(taken)


def shown(port: int, names: list[str]) -> float:
    """Seconds until each project has its page."""
    began, left = time.perf_counter(), list(names)
    while left:
        if time.perf_counter() - began > PATIENCE:
            raise SystemExit(f"{len(left)} projects have no page after {PATIENCE:.0f} s")
        left = [name for name in left if not _has_page(port, name)]
        time.sleep(0.1)
    return time.perf_counter() - began


def _has_page(port: int, name: str) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/simple/{name}/", timeout=60).close()
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return False
    return True


def measure(some: list[Wheel], rate: float) -> tuple[dict[str, float], float]:
    """Seconds by figure, and MB of memory of all processes."""
    with tempfile.TemporaryDirectory() as where:
        directory = Path(where) / "data"
        token = with_person(directory)
        with serving(directory) as server:
            answers = send(server.port, token, some, rate)
            until = shown(server.port, [one.name for one in some])
            memory = memory_mb(server.pid)
        found = {"upload.p50": statistics.median(answers), "upload.max": answers[-1], "shown": until}
        return found | everything(directory), memory


def everything(directory: Path) -> dict[str, float]:
    """Seconds of what reads everything; at the end the index has a database that was made from its public record."""
    there = ("--dir", str(directory))
    found = {"fsck": timed("fsck", str(directory)), "compare": timed("tuf", "compare", *there)}
    for path in directory.glob("bonded.db*"):
        path.unlink()
    command("migrate", *there)
    return found | {"recover": timed("tuf", "recover", "--yes", *there)}


def timed(*words: str) -> float:
    """Seconds of one command, which must succeed."""
    began = time.perf_counter()
    command(*words)
    return time.perf_counter() - began


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="12 uploads")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--rate", type=float, default=5.0)
    parser.add_argument("--round-trip", type=float, default=30.0, metavar="MS")
    parser.add_argument("--peer", help="not used: the limit is the same index over files")
    options = parser.parse_args()
    count = 12 if options.quick else options.count
    some = wheels(count * 5, "far")[::5]
    near = measure(some, options.rate)
    with buckets(options.round_trip / 1000) as settings:
        os.environ |= settings
        far = measure(some, options.rate)
    params = {"uploads": count, "rate": options.rate, "round_trip_ms": options.round_trip}
    for name, value in far[0].items():
        row(f"far.{name}", params, value, "s", "limit", near[0][name], "lower", far[1])


if __name__ == "__main__":
    main()
