"""What one publication costs (figures F1, F2, F3 and F6): database, journal, job rows, pages, copies and fsync included.

    bench/publish.py [--peer PATH] [--targets N] [--bins N] [--page-bins N] [--database URL] [--reps N] [--quick]

Drives the real `publish` and the real jobs, in a fresh process, over a data set that is made once under var/. One JSON
line for each figure; `ratio` > 1 means that ours is better. With --peer, the program of that path is run over the same
numbers of targets and bins on the same disk in the same run; the `limit` rows compare with the physical floor: the same
bytes read, joined, hashed, signed, written and synced once, without a database.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import hashlib
import json
import logging
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.publish_data import add_versions, alone, prepare, publisher, say

from bonded.adapters.storage_spread import spread
from bonded.db.jobs import Job
from bonded.db.worker import Effects, work_once
from bonded.journal.tables import to_publish
from bonded.tuf import document_jobs, plain, purge
from bonded.tuf.binfile import body_of, render
from bonded.tuf.canonical import open_envelope
from bonded.tuf.context import Publisher
from bonded.tuf.publish import Result, publish
from bonded.tuf.tables import publication

VAR = Path(__file__).resolve().parent.parent / "var"
BATCHES = (1, 1000)
FLOORS = "floors"
READY, MEMORY = 30.0, 2048.0
"""Most seconds from the start of the process until the first publication ended, and most MB resident."""
SIZE = 20_000
"""Bytes of each new file. Their reading and hashing is the upload's work; a publication links them."""


def measure(where: Path, reps: int, seed: int) -> None:
    """Time `reps` publications of each batch size; prints one JSON line for each. Run in a process of its own."""
    rng = random.Random(seed)
    started = time.perf_counter()
    p = publisher(where, refresh_slice=512)
    assert publish(p, datetime.now(UTC)).result is not Result.BURNED
    ready = time.perf_counter() - started
    _warm(p)
    p = replace(p, settings=replace(p.settings, refresh_slice=1))  # renewals are not charged to user changes
    rows: dict[int, list[dict[str, float]]] = {n: [] for n in BATCHES}
    for _ in range(reps):
        for count in BATCHES:
            add_versions(p, count, SIZE, rng)
            rows[count].append(_one(p, count))
    for count, runs in rows.items():
        found = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        print(json.dumps({"files": count, "ready": ready, **found, "rss_mb": _rss()}), flush=True)
    p.db.close()


def _warm(p: Publisher) -> None:
    """Whatever is due is done before the clock starts."""
    while publish(p, datetime.now(UTC)).result is Result.PUBLISHED:
        pass
    _drain(p, FOLLOW)
    _drain(p, LATER)


def _one(p: Publisher, count: int) -> dict[str, float]:
    """One publication and the jobs that follow it, then the floor of the very same bytes."""
    os.sync()  # what the preparation left behind is not charged to anybody
    cpu, start = _cpu(), time.perf_counter()
    outcome = publish(p, datetime.now(UTC))
    visible, visible_cpu = time.perf_counter() - start, _cpu() - cpu
    jobs = _drain(p, FOLLOW)
    total, total_cpu = time.perf_counter() - start, _cpu() - cpu
    _drain(p, LATER)
    documents = time.perf_counter() - start
    assert outcome.events == count, outcome
    with p.db.read() as conn:
        assert conn.execute(select(to_publish.c.id)).first() is None
        row = conn.execute(select(publication).where(publication.c.n == outcome.n)).one()
    found = {
        "visible": visible,
        "visible_cpu": visible_cpu,
        "total": total,
        "total_cpu": total_cpu,
        "documents": documents,
        "jobs": float(jobs),
    }
    return found | floor(p, row) | {"bins": float(len(row.bins))}


def _cpu() -> float:
    """Seconds of processor time of this process and of those that helped it and ended."""
    used = os.times()
    return time.process_time() + used.children_user + used.children_system


FOLLOW = {"plain": plain.handle, "purge": purge.handle}
"""What pip and uv wait for."""
LATER = {"documents": document_jobs.handle}
"""What the JSON API's readers wait for."""


def _drain(p: Publisher, queues: dict[str, Callable[[Publisher, Job, datetime], Effects | None]]) -> int:
    """All jobs of these queues, as the worker runs them; returns how many."""
    handlers = {name: partial(handle, p) for name, handle in queues.items()}
    count = 0
    while work_once(p.db, handlers, lambda: datetime.now(UTC)):
        count += 1
    return count


def floor(p: Publisher, row: Any) -> dict[str, float]:
    """Seconds for the same bytes without anything that makes them safe but one sync: (floor)."""
    root: Path = p.public.root  # type: ignore[attr-defined]
    names = [(f"metadata/{old}.{role}.json", f"metadata/{row.n}.{role}.json") for role, old, *_ in row.bins]
    others = [*row.pages, f"metadata/{row.n}.snapshot.json", f"publications/{row.n}.json"]
    others += [f"{name}.zst" for name in others] + [f"{new}.zst" for _, new in names]
    blobs = [(root / name).read_bytes() for name in others if (root / name).exists()]
    key = Ed25519PrivateKey.generate()
    # Kept until the end of the run, and spread as ours are: ext4 makes new files slowly for minutes where many were deleted.
    floors = root.parent / FLOORS
    floors.mkdir(exist_ok=True)
    with contextlib.suppress(OSError):
        spread(floors)
    into = tempfile.mkdtemp(dir=floors)
    os.sync()
    start, cpu = time.perf_counter(), time.process_time()
    for i, (old, _) in enumerate(names):
        data = _join((root / old).read_bytes(), row.n)
        key.sign(data)
        _write(f"{into}/bin{i}", data)
    for i, blob in enumerate(blobs):
        _write(f"{into}/other{i}", blob)
    key.sign(blobs[-1])
    _syncfs(into)
    return {"floor": time.perf_counter() - start, "floor_cpu": time.process_time() - cpu}


def _join(old: bytes, n: int) -> bytes:
    """A bin taken apart and put together again, hashed before and after."""
    hashlib.sha256(old).digest()
    data = render(body_of(open_envelope(old)[1]), n, datetime.now(UTC))
    hashlib.sha256(data).digest()
    return data


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(descriptor, data)
    os.close(descriptor)


def _syncfs(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    ctypes.CDLL(None, use_errno=True).syncfs(descriptor)
    os.close(descriptor)


def _rss() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def peer(path: Path, where: Path, args: argparse.Namespace) -> dict[int, float]:
    """Seconds of a publication by the peer: {files: seconds}."""
    command = [sys.executable, str(path), "--who", "peer", "--dir", str(where), "--reps", str(args.reps)]
    command += ["--targets", str(args.targets), "--bins", str(args.bins), "--batch", *map(str, BATCHES)]
    say("the peer: " + " ".join(command[1:]))
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    return {row["batch"]: row["s_per_publish"] for row in rows if row.get("who") == "peer"}


def line(
    figure: str, params: dict[str, Any], value: float, against: str, other: float, rss: float, unit: str = "s"
) -> None:
    """One figure as CONTRACTS.md has it."""
    print(
        json.dumps(
            {
                "figure": figure,
                "params": params,
                "value": round(value, 5),
                "unit": unit,
                "against": against,
                "against_value": round(other, 5),
                "ratio": round(other / value, 2),
                "better": "lower",
                "rss_mb": rss,
            }
        ),
        flush=True,
    )


def report(args: argparse.Namespace, ours: list[dict[str, float]], theirs: dict[int, float]) -> None:
    """All rows. `publish.*` counts until plain copies are written, `visible` until TUF clients see it, `documents` until the
    JSON API shows it too; `cpu` of publication and plain copies."""
    for run in ours:
        count = int(run["files"])
        params = {"files": count, "targets": args.targets, "bins": args.bins, "page_bins": args.page_bins}
        params |= {
            "bins_written": int(run["bins"]),
            "jobs": int(run["jobs"]),
            "database": "postgresql" if args.database else "sqlite",
        }
        params |= {"load": round(os.getloadavg()[0], 1)}
        figure = "publish.batch" if count > 1 else "publish.one"
        if count in theirs:
            line(figure, params, run["total"], "peer", theirs[count], run["rss_mb"])
            line(f"{figure}.visible", params, run["visible"], "peer", theirs[count], run["rss_mb"])
            line(f"{figure}.documents", params, run["documents"], "peer", theirs[count], run["rss_mb"])
        line(f"{figure}.visible", params, run["visible"], "limit", run["floor"], run["rss_mb"])
        line(f"{figure}.cpu", params, run["total_cpu"], "limit", run["floor_cpu"], run["rss_mb"])
        line(f"{figure}.visible.cpu", params, run["visible_cpu"], "limit", run["floor_cpu"], run["rss_mb"])
    last = ours[-1]
    sizes = {"targets": args.targets, "bins": args.bins, "page_bins": args.page_bins}
    line("publish.ready", sizes, last["ready"], "limit", READY, last["rss_mb"])
    line("publish.memory", sizes, last["rss_mb"], "limit", MEMORY, last["rss_mb"], "MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--targets", type=int)
    parser.add_argument("--bins", type=int)
    parser.add_argument("--page-bins", type=int)
    parser.add_argument(
        "--database", default="", help="the URL of an empty PostgreSQL, or of one that an earlier run filled"
    )
    parser.add_argument("--reps", type=int)
    parser.add_argument("--quick", action="store_true", help="50,000 targets in 1,024 bins: within two minutes")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    small = args.quick
    args.targets = args.targets or (50_000 if small else 1_000_000)
    args.bins = args.bins or (1024 if small else 16_384)
    args.page_bins = args.page_bins or (256 if small else 4096)
    args.reps = args.reps or (2 if small else 3)
    if args.measure:
        measure(args.measure, args.reps, seed=int(time.time()))
        return
    kind = "-postgresql" if args.database else ""
    where = VAR / f"bench/publish-{args.targets}-{args.page_bins}-{args.bins}{kind}"
    with alone(where):
        prepare(where, args.targets, args.page_bins, args.bins, args.database)
        command = [sys.executable, __file__, "--measure", str(where), "--reps", str(args.reps)]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    ours = [json.loads(row) for row in out.splitlines()]
    theirs: dict[int, float] = {}
    if args.peer:
        into = VAR / "bench/peer"
        into.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, into, ignore_errors=True)
            theirs = peer(args.peer, into, args)
    shutil.rmtree(where / FLOORS)
    report(args, ours, theirs)


if __name__ == "__main__":
    main()
