"""What running all checks over history costs, and judging again from stored facts (figure G6).

    bench/backfill.py [--wheels FOLDER] [--limit N] [--rounds N] [--workers N] [--quick]

A data directory whose catalogue and vault hold real wheels (of the folder; else made once of the packages installed here), and
the real `bonded worker`. First a backfill of all checks with nothing known: archives are read, facts, findings, evidence and
verdicts stored, everything included. Then the same again, from stored facts. Both with one worker and with N. Figures are in
processor time of all processes of the worker, less what it takes when it rests, so that other work on the machine does not count;
wall time is beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.scan_data import installed
from bench.server import BONDED, command, family, memory_mb, row

VAR = Path(__file__).resolve().parent.parent / "var"
A_DAY = 86_400
AIM_A_DAY = 1_000_000
AIM_RATIO = 20.0
AIM_SHARE = 0.9
NAME = re.compile(r"^(?P<name>[A-Za-z0-9_.]+)-(?P<version>[^-]+)-.*\.whl$")
REST = 5.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Spent:
    """What one backfill took: seconds of processor time and of the clock."""

    files: int
    cpu: float
    wall: float
    rss: float
    scanned: int


def index(folder: Path, wheels: list[Path]) -> None:
    """A data directory that holds `wheels`, public, as if they had been uploaded before anything was screened."""
    command("init", str(folder), "--dev-keys")
    from sqlalchemy import insert

    from bonded.accounts import people
    from bonded.catalog import change
    from bonded.catalog.tables import file as file_table
    from bonded.catalog.tables import release as release_table
    from bonded.values.names import normalize
    from bonded.values.text import new_id
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house, now = open_house(folder), datetime.now(UTC)
    projects: dict[str, str] = {}
    with house.db.write() as tx:
        owner = people.create(tx, OPERATOR, "bench", "bench@example.invalid", is_admin=False, now=now)
    for path in wheels:
        found = NAME.match(path.name)
        assert found, path.name
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        file_id, release_id = new_id(), new_id()
        house.vault.create(f"{sha256}.{file_id}", data)
        with house.db.write() as tx:
            key = normalize(found["name"])
            if key not in projects:
                projects[key] = change.create_project(tx, OPERATOR, key, owner_id=owner.id, now=now).id
            version = f"{found['version']}+{len(projects)}"
            values = {
                "id": release_id,
                "project_id": projects[key],
                "version": version,
                "metadata": {},
                "created_at": now,
            }
            tx.execute(insert(release_table).values(values))
            tx.execute(
                insert(file_table).values(
                    id=file_id, project_id=projects[key], release_id=release_id, filename=path.name,
                    packagetype="bdist_wheel", python_version="py3", requires_python="", size=len(data), md5="", sha256=sha256,
                    blake2_256="", vault_key=f"{sha256}.{file_id}", state="public", state_at=now, holds_name=True, burnt=True,
                    uploaded_at=now, uploader_id=owner.id, token_id="",
                )
            )  # fmt: skip
    house.db.close()


@contextmanager
def worker(folder: Path, workers: int) -> Iterator[int]:
    """`bonded worker` with so many parts of backfills at once; its process."""
    environment = {**os.environ, "BONDED_SCREENING__BACKFILL_WORKERS": str(workers)}
    with (folder / "bench.log").open("a") as log:
        process = subprocess.Popen(
            [BONDED, "worker", str(folder)], stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        )
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise SystemExit(f"bonded worker did not become ready; its log is {folder / 'bench.log'}")
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def cpu(pid: int) -> float:
    """Processor seconds of a family of processes, those that have ended and were waited for included."""
    total = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:  # its time is now in that of the process that waited for it
            continue
        total += sum(int(fields[n]) for n in (11, 12, 13, 14))
    return total / TICKS


def at_rest(pid: int) -> float:
    """Processor seconds per second of a worker that has nothing to do: it looks at its queues."""
    before, began = cpu(pid), time.perf_counter()
    time.sleep(REST)
    return (cpu(pid) - before) / (time.perf_counter() - began)


def backfill(folder: Path, pid: int, names: list[str], rest: float) -> Spent:
    """Run all checks over everything; what it took, less what the worker takes `rest`ing for as long."""
    before, began = cpu(pid), time.perf_counter()
    number = command("check", "backfill", *names, "--dir", str(folder), "--json", "--most-cases", "1000000")
    wanted = json.loads(number)["id"]
    rss = 0.0
    while True:
        found = next(
            one
            for one in json.loads(command("check", "backfill", "--status", "--json", "--dir", str(folder)))
            if one["id"] == wanted
        )
        if found["state"] != "running":
            break
        rss = max(rss, memory_mb(pid))
        time.sleep(1)
    if found["state"] != "done" or found["failed"] or found["parts_given_up"]:
        raise SystemExit(f"the backfill did not end well: {found}")
    seconds = datetime.fromisoformat(found["ended_at"]) - datetime.fromisoformat(found["started_at"])
    spent = cpu(pid) - before - rest * (time.perf_counter() - began)
    return Spent(found["done"], spent, seconds.total_seconds(), rss, found["scanned"])


def measure(made: Path, workers: int, names: list[str]) -> tuple[Spent, Spent]:
    """A full backfill of a fresh copy, and then one from stored facts."""
    with tempfile.TemporaryDirectory(dir=VAR) as where:
        folder = Path(where) / "data"
        shutil.copytree(made, folder)
        with worker(folder, workers) as pid:
            warm = command("check", "backfill", names[0], "--project", "no-such-project-*", "--dir", str(folder))
            assert warm
            time.sleep(1)
            rest = at_rest(pid)
            full = backfill(folder, pid, names, rest)
            again = backfill(folder, pid, names, rest)
    if full.scanned < full.files * 0.95 or again.scanned > again.files * 0.05:
        raise SystemExit(f"archives were read {full.scanned} and {again.scanned} times")
    return full, again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", type=Path, help="a folder of wheels")
    parser.add_argument("--limit", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="40 wheels, one round")
    args = parser.parse_args()
    VAR.mkdir(exist_ok=True)
    paths = sorted(args.wheels.glob("*.whl")) if args.wheels else [one.path for one in installed(VAR) if one.path]
    wheels = paths[:: max(1, len(paths) // (40 if args.quick else args.limit))][: 40 if args.quick else args.limit]
    names = [one["name"] for one in json.loads(command("check", "list", "--json")) if "refused" not in one]
    with tempfile.TemporaryDirectory(dir=VAR) as where:
        made = Path(where) / "data"
        index(made, wheels)
        one: list[tuple[Spent, Spent]] = []
        more: list[tuple[Spent, Spent]] = []
        for _ in range(1 if args.quick else args.rounds):
            one.append(measure(made, 1, names))
            more.append(measure(made, args.workers, names))
    full, again = min((f.cpu, f) for f, _ in one)[1], min((a.cpu, a) for _, a in one)[1]
    per, per_again = full.cpu / full.files, again.cpu / again.files
    mb = round(sum(path.stat().st_size for path in wheels) / len(wheels) / 2**20, 2)
    params = {"wheels": full.files, "mb": mb, "checks": len(names), "rounds": len(one)}
    ms, wall = {"cpu_ms": round(1000 * per, 1)}, {"wall_ms": round(1000 * full.wall / full.files, 1)}
    row(
        "backfill.wheels_a_day_a_core",
        params | ms | wall,
        A_DAY / per,
        "wheels",
        "limit",
        AIM_A_DAY,
        "higher",
        full.rss,
    )
    told = params | {"cpu_ms": round(1000 * per_again, 1), "wall_ms": round(1000 * again.wall / again.files, 1)}
    row("backfill.rejudge", told, per / per_again, "times", "limit", AIM_RATIO, "higher", again.rss)
    n = args.workers
    of_cpu = full.cpu / min(f.cpu for f, _ in more)
    of_wall = min(f.wall for f, _ in one) / min(f.wall for f, _ in more)
    shares = params | {"workers": n, "by_clock": round(of_wall / n, 2)}
    row("backfill.scaling", shares, of_cpu, "of N", "limit", AIM_SHARE, "higher", max(f.rss for f, _ in more))


if __name__ == "__main__":
    main()
