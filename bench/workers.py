"""How throughput grows with the number of worker processes, under both engines (figure G6, N workers).

    bench/workers.py [--jobs N] [--uploads N] [--workers 2,4] [--rounds N] [--quick]

`workers.engine`: jobs that only wait 50 ms, on PostgreSQL, so that what is measured is claiming, carrying and finishing and
not the number of processors; N worker processes, one job at a time each, against N times what one does. On a busy machine
that is a lower bound; `workers.engine_cpu` is the same in jobs for each second of processor time, which others do not change. `workers.screen`:
wheels that were uploaded before, screened by N `bonded worker`, again against N times one; in files for each second of
processor time, so that other work on the machine and its number of processors do not count. A real PostgreSQL, a real Redis.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.server import family, memory_mb, row
from sqlalchemy import func, select
from tests.celery.fleet import Fleet, fleet
from tests.support.postgres import PostgresServer, start_postgres
from tests.support.redis import RedisServer, start_redis

from bonded.adapters.queue_celery import CeleryBroker
from bonded.adapters.queue_local import LocalQueue
from bonded.db.engine import Database, open_database
from bonded.db.jobs import Job, enqueue_all, job
from bonded.db.workers import workers
from bonded.ops.carried import run_lane
from bonded.ops.lanes import Lane
from bonded.ops.worker import Worker
from bonded.telemetry import logs

WAIT = 0.05
LANE = Lane("screen", ("screen",), threads=1, carried=True)
TICKS = os.sysconf("SC_CLK_TCK")


def clock() -> datetime:
    return datetime.now(UTC)


def wait(_taken: Job, _now: datetime) -> None:
    time.sleep(WAIT)


def left(db: Database) -> int:
    with db.read() as conn:
        return conn.execute(select(func.count()).where(job.c.queue == "screen")).scalar_one()


def child(db: Database, engine: str, url: str, folder: Path) -> int:
    """A worker process: as `bonded worker` has it, with nothing but the waiting handler."""
    made = os.fork()
    if made:
        return made
    try:
        db.forked()
        logs.configure("text", "error")
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        if engine == "celery":
            run_lane(db, CeleryBroker(url), LANE, {"screen": wait}, clock, stop)
        else:
            work = Worker(db, lambda: LocalQueue(folder), clock)
            if engine == "keeper":
                work.keep(CeleryBroker(url), [LANE], {"screen": wait})
            else:
                work.add_lane(LANE, {"screen": wait})
            threading.Thread(target=lambda: (stop.wait(), work.stop()), daemon=True).start()
            work.run()
    finally:
        os._exit(0)


def engine_rate(engine: str, n: int, jobs: int, postgres: PostgresServer, redis: RedisServer) -> tuple[float, float]:
    """Jobs in a second of the clock, and of processor time, from a tenth done until nine tenths done."""
    redis.client().flushall()
    with postgres.database() as url, tempfile.TemporaryDirectory(prefix="b-") as folder:
        db = open_database(url)
        broker = CeleryBroker(redis.url)
        if engine == "celery":
            db.on_commit(broker.send)
        children = [child(db, engine, redis.url, Path(folder)) for _ in range(n)]
        if engine == "celery":
            children.append(child(db, "keeper", redis.url, Path(folder)))
        try:
            time.sleep(3)
            for first in range(0, jobs, 100):
                with db.write() as tx:
                    keys = [(f"k{k}", {}) for k in range(first, min(jobs, first + 100))]
                    enqueue_all(tx, "screen", keys, now=clock())
            return _between(db, jobs, children)
        finally:
            for one in children:
                os.kill(one, signal.SIGTERM)
            for one in children:
                os.waitpid(one, 0)
            db.close()


def _between(db: Database, jobs: int, children: list[int]) -> tuple[float, float]:
    end = time.monotonic() + 300
    began: tuple[float, float, int] | None = None
    while time.monotonic() < end:
        now, spent, waiting = time.monotonic(), sum(map(cpu, children)), left(db)
        if began is None and waiting <= jobs * 0.9:
            began = now, spent, waiting
        if began is not None and waiting <= jobs * 0.1:
            done = began[2] - waiting
            return done / (now - began[0]), done / (spent - began[1])
        time.sleep(0.02)
    raise SystemExit(f"after 300 s, {left(db)} of {jobs} jobs are left")


def cpu_of(index: Fleet) -> float:
    """Processor seconds of all workers and what they started, ended children included."""
    return sum(cpu(worker.pid) for worker in index.workers)


def cpu(pid: int) -> float:
    """Processor seconds of `pid` and everything below it, ended children included."""
    total = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += sum(map(int, fields[11:15]))
    return total / TICKS


def screening(n: int, uploads: int, postgres: PostgresServer, redis: RedisServer) -> tuple[float, float, float]:
    """(files per processor second, files per second, memory in MB) of `n` workers, after their start."""
    redis.client().flushall()
    with (
        postgres.database(migrated=False) as url,
        tempfile.TemporaryDirectory(prefix="b-") as folder,
        _told(url, redis),
    ):
        with fleet(Path(folder), lambda _where: open_database(url)) as index:
            for _ in range(n):
                index.start_worker()
            warm = _warm(index, n)
            before, began = cpu_of(index), time.monotonic()
            for number in range(uploads):
                answer = index.upload(f"sample{number % 7}", f"1.{number}")
                assert answer.status == 200, answer
            index.until(lambda: index.waiting() == 0, 600)
            took, spent = time.monotonic() - began, cpu_of(index) - before
            wrong = index.wrong(uploads + warm)
            if wrong:
                raise SystemExit(f"not exactly once: {wrong}")
            return uploads / spent, uploads / took, sum(memory_mb(worker.pid) for worker in index.workers)


def _warm(index: Fleet, n: int) -> int:
    """Uploads until each worker has screened twice: what a worker loads once is not what an archive costs. How many."""
    count, end = 0, time.monotonic() + 120
    while time.monotonic() < end:
        for _ in range(2 * n):
            index.upload("warm", f"1.{count}")
            count += 1
        index.until(lambda: index.waiting() == 0, 120)
        time.sleep(6)  # until they say what they have done
        with index.db.read() as conn:
            done = [one.done for one in workers(conn) if one.lane == "screen"]
        if len(done) == n and min(done) >= 2:
            return count
    raise SystemExit("a worker got nothing to do within two minutes")


@contextmanager
def _told(url: str, redis: RedisServer) -> Iterator[None]:
    told = {
        "BONDED_DATABASE__URL": url,
        "BONDED_QUEUE__ENGINE": "celery",
        "BONDED_QUEUE__BROKER": redis.url,
        "BONDED_SCREENING__WORKERS": "1",
        "BONDED_SERVE__PROCESSES": "1",
    }
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def medians(rounds: int, numbers: list[int], measure: Any) -> dict[int, tuple[float, float]]:
    """Of both figures. Rounds are interleaved, so that what else the machine does meets all alike."""
    found: dict[int, list[tuple[float, float]]] = {n: [] for n in numbers}
    for _ in range(rounds):
        for n in numbers:
            found[n].append(measure(n))
    return {
        n: (statistics.median(one[0] for one in values), statistics.median(one[1] for one in values))
        for n, values in found.items()
    }


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--jobs", type=int, default=600, help="waiting jobs for each worker; 0: only screening")
    parser.add_argument("--uploads", type=int, default=60)
    parser.add_argument("--workers", default="2,4")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="within two minutes")
    options = parser.parse_args()
    if options.quick:
        options.jobs, options.uploads, options.rounds, options.workers = 200, 20, 1, "2"
    many = [int(n) for n in options.workers.split(",")]
    with (
        tempfile.TemporaryDirectory(prefix="b-") as shared,
        start_postgres(Path(shared)) as postgres,
        start_redis() as redis,
    ):
        for engine in ("celery", "local") if options.jobs else ():
            rates = medians(
                options.rounds,
                [1, *many],
                lambda n: engine_rate(engine, n, options.jobs * n, postgres, redis),  # noqa: B023
            )
            for n in many:
                params = {"engine": engine, "workers": n, "jobs": options.jobs * n, "job_seconds": WAIT}
                row("workers.engine", params, rates[n][0], "jobs/s", "limit", n * rates[1][0], "higher", 0.0)
                row("workers.engine_cpu", params, rates[n][1], "jobs/cpu s", "limit", rates[1][1], "higher", 0.0)
        found: dict[int, tuple[float, float, float]] = {}
        for n in [1, *many[:1]]:
            found[n] = screening(n, options.uploads, postgres, redis)
        for n in many[:1]:
            params = {
                "engine": "celery",
                "workers": n,
                "uploads": options.uploads,
                "files_per_s": round(found[n][1], 2),
            }
            row("workers.screen", params, found[n][0], "files/cpu s", "limit", found[1][0], "higher", found[n][2])


if __name__ == "__main__":
    main()
