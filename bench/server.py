"""A real `bonded serve` on a fresh data directory, for bench/serve.py and bench/upload.py, and what they measure with."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BONDED = Path(sys.executable).parent / "bonded"


@dataclass(frozen=True)
class Server:
    """A running server. `started`: seconds from the command to the ready line."""

    pid: int
    port: int
    directory: Path
    started: float


def command(*words: str, given: str = "") -> str:
    """Run `bonded ...`; its standard output. Raises CalledProcessError with what it said."""
    done = subprocess.run([BONDED, *words], input=given, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bonded {' '.join(words[:2])} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def with_person(directory: Path) -> str:
    """A fresh data directory with one person; their token."""
    command("init", str(directory), "--dev-keys")
    there = ("--dir", str(directory))
    words = ("user", "create", "bench", "--email", "bench@example.invalid", "--password-stdin", *there)
    command(*words, given=secrets.token_urlsafe(20) + "\n")
    return command("token", "create", "bench", *there)


@contextmanager
def serving(directory: Path) -> Iterator[Server]:
    """`bonded init --dev-keys` where needed, then `bonded serve`, until the end of the block."""
    if not (directory / "bonded.toml").exists():
        command("init", str(directory), "--dev-keys")
    began = time.perf_counter()
    with (directory / "bench.log").open("a") as log:
        process = subprocess.Popen(
            [BONDED, "serve", str(directory), "--port", "0"], stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r":(\d+)/", line)
        if not found:
            raise SystemExit(f"bonded serve did not become ready; its log is {directory / 'bench.log'}")
        yield Server(process.pid, int(found[1]), directory, time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def family(pid: int) -> list[int]:
    """`pid` and all processes below it, whichever of its threads started them."""
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [one for child in path.read_text().split() for one in family(int(child))]
        except FileNotFoundError:  # a thread that has just ended
            continue
    return found


def memory_mb(pid: int) -> float:
    """Proportional memory of the whole family, in MB: shared pages are counted once."""
    total = 0
    for one in family(pid):
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):  # a child that has just ended
            continue
        found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
        total += int(found[1]) if found else 0
    return round(total / 1024, 1)


def wrk(url: str, seconds: float, connections: int, headers: dict[str, str]) -> dict[str, float]:
    """Requests per second and the 99th percentile in ms of one run of wrk. Exits when any answer was not 2xx."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", "--timeout", "30s"]
    for name, value in headers.items():
        words += ["-H", f"{name}: {value}"]
    out = subprocess.run([*words, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"wrk saw errors at {url}:\n{out}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    last = re.search(r"^\s+99%\s+([\d.]+)(us|ms|s)\s*$", out, re.MULTILINE)
    assert rate, out
    assert last, out
    return {"rps": float(rate[1]), "p99": float(last[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[last[2]]}


def row(
    figure: str, params: dict[str, Any], value: float, unit: str, against: str, other: float, better: str, rss: float
) -> None:
    """Print one line of the form that all benches share; `ratio` > 1 means that ours is better."""
    ratio = value / other if better == "higher" else other / value
    line = {
        "figure": figure,
        "params": params | {"load": round(os.getloadavg()[0], 1)},
        "value": round(value, 3),
        "unit": unit,
        "against": against,
        "against_value": round(other, 3),
        "ratio": round(ratio, 3),
        "better": better,
        "rss_mb": rss,
    }
    print(json.dumps(line), flush=True)
