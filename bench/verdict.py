"""How long from an upload until its verdict is stored (figure G5).

    bench/verdict.py [--seconds N] [--rate N] [--workers N] [--wheels FOLDER] [--quick]

A fresh data directory, the real `bonded serve` on embedded defaults with `--workers` files screened at once, one uploader at a
steady rate. The clock of an upload runs from its first byte; what is told is when the row of its verdict can be read by others,
looked at every five milliseconds. Without --wheels the wheels are small ones made for this; with it, those of the folder, each
under a name and version of its own.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import io
import os
import secrets
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.server import Server, memory_mb, row, serving, with_person
from bench.upload import BOUNDARY, Wheel, form, recorded, wheels

VAR = Path(__file__).resolve().parent.parent / "var"
PAUSE = 0.005
PATIENCE = 120.0
AIMS = {"p50": 0.15, "p99": 2.0}


@dataclass
class Clock:
    """When each upload began and was answered, by its file's name."""

    began: dict[str, float]
    answered: dict[str, float]
    over: bool = False
    refused: str = ""


def send(server: Server, token: str, some: list[Wheel], rate: float, clock: Clock) -> None:
    """Upload `some` at `rate` per second; a late one does not delay the next."""
    headers = {
        "Authorization": "Basic " + base64.b64encode(f"__token__:{token}".encode()).decode(),
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
    }
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    bodies = [form(one) for one in some]
    start = time.perf_counter()
    for turn, one in enumerate(some):
        time.sleep(max(0.0, start + turn / rate - time.perf_counter()))
        clock.began[one.filename] = time.perf_counter()
        connection.request("POST", "/legacy/", bodies[turn], headers)
        reply = connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            clock.refused = (
                f"{one.filename} was refused: {reply.status} {text[:300]!r}"  # told by who looks: this is a thread
            )
            break
        clock.answered[one.filename] = time.perf_counter()
    clock.over = True
    connection.close()


def look(database: Path, many: int, clock: Clock) -> dict[str, tuple[float, str]]:
    """When each file's first verdict could be read, and what it is."""
    found: dict[str, tuple[float, str]] = {}
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    last, until = 0, 0.0
    while len(found) < many:
        if clock.refused:
            raise SystemExit(clock.refused)
        query = "SELECT v.id, f.filename, v.verdict FROM verdict v JOIN file f ON f.id = v.file_id WHERE v.id > ? ORDER BY v.id"
        for number, filename, verdict in connection.execute(query, (last,)):
            found.setdefault(filename, (time.perf_counter(), verdict))
            last = number
        until = until or (time.monotonic() + PATIENCE if clock.over else 0.0)
        if until and time.monotonic() > until:
            raise SystemExit(f"{many - len(found)} uploads had no verdict {PATIENCE:.0f} s after the last one")
        time.sleep(PAUSE)
    connection.close()
    return found


def renamed(folder: Path, many: int) -> Iterator[Wheel]:
    """Real wheels under other names: what is in them is as it was, but for the metadata."""
    paths = sorted(folder.glob("*-none-any.whl"))
    if not paths:
        raise SystemExit(f"there is no wheel in {folder}")
    for n in range(many):
        yield _renamed(paths[n % len(paths)], f"bench-{secrets.token_hex(4)}", f"1.{n}")


def _renamed(path: Path, name: str, version: str) -> Wheel:
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: of the benchmark\nRequires-Python: >=3.8\n\nWords.\n".encode()
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        members = {
            i.filename: old.read(i)
            for i in old.infolist()
            if not i.is_dir() and not i.filename.partition("/")[0].endswith((".dist-info", ".data"))
        }
        members[f"{info}/METADATA"] = metadata
        members[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: bench 1\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        members[f"{info}/RECORD"] = recorded(members, info)
        for member, data in members.items():
            new.writestr(member, data)
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return Wheel(name, version, filename, out.getvalue(), metadata)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--quick", action="store_true", help="20 seconds")
    args = parser.parse_args()
    many = int((20 if args.quick else args.seconds) * args.rate)
    some = list(renamed(args.wheels, many)) if args.wheels else wheels(many, secrets.token_hex(3))
    VAR.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VAR) as where:
        folder = Path(where) / "data"
        token = with_person(folder)
        os.environ["BONDED_SCREENING__WORKERS"] = str(args.workers)
        with serving(folder) as server:
            time.sleep(2)
            clock = Clock({}, {})
            sender = threading.Thread(target=send, args=(server, token, some, args.rate, clock), daemon=True)
            sender.start()
            found = look(folder / "bonded.db", many, clock)
            sender.join()
            rss = memory_mb(server.pid)
    took = sorted(at - clock.began[name] for name, (at, _) in found.items())
    after = sorted(at - clock.answered[name] for name, (at, _) in found.items())
    params = {"uploads": many, "rate": args.rate, "workers": args.workers, "wheels": "real" if args.wheels else "made"}
    params |= {"mb": round(statistics.mean(len(one.data) for one in some) / 2**20, 2)}
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        at = min(many - 1, int(many * share))
        row(
            f"verdict.{name}",
            params | {"after_answer": round(after[at], 3)},
            took[at],
            "s",
            "limit",
            AIMS[name],
            "lower",
            rss,
        )


if __name__ == "__main__":
    main()
