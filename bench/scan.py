"""How fast and how right screening is (figures G1 to G4, G6 to G8 and G10), beside a peer or the physical limits.

    bench/scan.py [--benign LIST] [--malicious LIST] [--peer PATH --guarddog PATH] [--limit N] [--quick]

LIST is a folder or a list file (bench/scan_data.py). Without --benign, wheels are made of the packages installed here. One
JSON line for each figure; `ratio` > 1 means that ours is better. The `limit` rows compare the processor time of a whole scan
with what hashing, unpacking and parsing the same archives costs in the same run; with --peer, the program of that path runs
over the benign archives with the scanner that --guarddog names. Static only: nothing of an archive is run or written to disk.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.scan_data import Archive, archives, installed, wilson

from bonded.adapters.sandbox_pick import pick
from bonded.checks.registry import discover
from bonded.facts.archive import Kind, read_archive
from bonded.facts.collect import SCREENING
from bonded.screening.policy import Policy, decide
from bonded.screening.run import FAILED, Scanner, ScanResult, ScanSettings, judge, scan
from bonded.values.states import Verdict

VAR = Path(__file__).resolve().parent.parent / "var"
Judged = dict[Path, tuple[Verdict, ScanResult]]


def say(
    figure: str,
    value: float,
    unit: str,
    *,
    better: str,
    against: str = "limit",
    other: float | None = None,
    **params: Any,
) -> None:
    """Print one row. `other` is what the peer or the limit gives."""
    ratio = None
    if other is not None and value and other:
        ratio = round(value / other if better == "higher" else other / value, 4)
    row = {
        "figure": figure,
        "params": params,
        "value": round(value, 5),
        "unit": unit,
        "against": against,
        "against_value": round(other, 5) if other is not None else None,
        "ratio": ratio,
        "better": better,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(row), flush=True)


def cpu(work: Callable[[], object]) -> float:
    """Processor seconds of this process for `work`."""
    start = time.process_time()
    work()
    return time.process_time() - start


def limits(every: list[Archive]) -> dict[str, float]:
    """Processor seconds, all archives together: hashing them, unpacking them to memory, parsing every Python member."""
    spent: dict[str, float] = defaultdict(float)
    for one in every:
        data = one.path.read_bytes()
        spent["sha256"] += cpu(lambda data=data: hashlib.sha256(data).digest())  # type: ignore[misc]
        sources: list[bytes] = []
        spent["unpack"] += cpu(
            lambda one=one, data=data, out=sources: spent.__setitem__("bytes", spent["bytes"] + _unpack(one, data, out))
        )  # type: ignore[misc]
        spent["ast"] += cpu(lambda sources=sources: [_parse(source) for source in sources])  # type: ignore[misc]
    return dict(spent)


def _unpack(one: Archive, data: bytes, sources: list[bytes]) -> int:
    total = 0
    for member in read_archive(
        io.BytesIO(data), one.path.name, SCREENING, keep=lambda path, _size: path.endswith(".py")
    ):
        total += member.size
        if member.kind is Kind.FILE and member.data is not None:
            sources.append(member.data)
    return total


def _parse(source: bytes) -> None:
    with warnings.catch_warnings(), contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        warnings.simplefilter("ignore")
        ast.parse(source)


def scanned(every: list[Archive], scanner: Scanner) -> Judged:
    """A verdict and the whole result for each archive."""
    found: Judged = {}
    for one in every:
        result = scan(one.path, one.path.name, None, discover(), scanner)
        found[one.path] = (decide(result.findings, Policy()).verdict, result)
    return found


def speed(every: list[Archive], found: Judged, name: str) -> None:
    """G3 and G4: processor time for each archive, and unpacked megabytes for each processor second."""
    spent = limits(every)
    ours = sum(result.cpu_seconds for _, result in found.values())
    params = {"set": name, "archives": len(every), "unpacked_mb": round(spent["bytes"] / 1e6, 1)}
    for limit in ("sha256", "unpack", "ast"):
        say(
            "scan.cpu_per_archive",
            ours / len(every),
            "s",
            better="lower",
            other=spent[limit] / len(every),
            limit=limit,
            **params,
        )
    say("scan.unpacked_mb_per_cpu_s", spent["bytes"] / 1e6 / ours, "MB/s", better="higher",
        other=spent["bytes"] / 1e6 / (spent["unpack"] + spent["ast"]), limit="unpack and ast", **params)  # fmt: skip


def again(found: Judged, scanner: Scanner) -> None:
    """G6: judging stored facts against scanning the archive."""
    kept = [result for _, result in found.values() if result.facts_json is not None]
    first = sum(result.cpu_seconds for result in kept)
    second = sum(judge(result.facts_json or b"", None, discover(), scanner).cpu_seconds for result in kept)
    say("scan.judge_stored_facts", second / len(kept), "s", better="lower", other=first / len(kept), archives=len(kept))


def precision(found: Judged, name: str) -> None:
    """False alerts: benign archives that are held or rejected, with a 95 % interval."""
    for level, verdicts in (("review", {Verdict.REVIEW, Verdict.REJECT}), ("reject", {Verdict.REJECT})):
        alerts = [path.name for path, (verdict, _) in found.items() if verdict in verdicts]
        low, high = wilson(len(alerts), len(found))
        say("scan.false_alerts", len(alerts) / len(found), "share", better="lower", set=name, level=level,
            archives=len(found), interval=[round(low, 4), round(high, 4)], alerts=alerts[:20])  # fmt: skip


def recall(every: list[Archive], found: Judged) -> None:
    """G1 and G2: clusters of which most archives are caught."""
    for level, verdicts in (("review", {Verdict.REVIEW, Verdict.REJECT}), ("reject", {Verdict.REJECT})):
        clusters: dict[str, list[bool]] = defaultdict(list)
        for one in every:
            clusters[one.cluster].append(found[one.path][0] in verdicts)
        caught = sum(sum(hits) / len(hits) for hits in clusters.values())
        low, high = wilson(round(caught), len(clusters))
        say("scan.recall", caught / len(clusters), "share", better="higher", level=level, archives=len(every),
            clusters=len(clusters), interval=[round(low, 4), round(high, 4)])  # fmt: skip


def hostile(scanner: Scanner) -> None:
    """G7: hostile archives and programs: all get a verdict within 5 processor seconds and 256 MB."""
    from tests.screening.test_hostile import ARCHIVES, PROGRAMS, program

    tight = Scanner(scanner.sandbox, ScanSettings(cpu_seconds=5.0, memory_bytes=256 * 2**20))
    made = [make() for make in ARCHIVES.values()] + [program(source) for source in PROGRAMS.values()]
    results = [scan(data, name, None, discover(), tight) for data, name in made]
    by_budget = sum(all(one.check != FAILED for one in result.findings) for result in results)
    say("scan.hostile_verdicts", by_budget / len(results), "share", better="higher", other=1.0, archives=len(results))
    say("scan.hostile_cpu_most", max(result.cpu_seconds for result in results), "s", better="lower", other=5.0)


def evasion() -> None:
    """G8: alerts kept under twelve rewrites of every positive sample."""
    from tests.checks.test_rewrites import outcomes

    rows = outcomes()
    kept = sum(kept for *_, kept, _ in rows)
    say("scan.alerts_kept_when_rewritten", kept / len(rows), "share", better="higher", other=1.0, rewritten=len(rows))


def determinism(every: list[Archive], scanner: Scanner, found: Judged) -> None:
    """G10: the same facts and findings again."""
    same = sum(
        scan(one.path, one.path.name, None, discover(), scanner).facts_json == found[one.path][1].facts_json
        for one in every
    )
    say("scan.same_again", same / len(every), "share", better="higher", other=1.0, archives=len(every))


def peer(program: Path, guarddog: Path | None, every: list[Archive], found: Judged) -> None:
    """The peer over the same archives: processor time for each, and its false alerts."""
    with tempfile.TemporaryDirectory() as folder:
        for one in every:
            (Path(folder) / one.path.name).symlink_to(one.path.resolve())
        words = [sys.executable, str(program), folder, "--limits", *(["--guarddog", str(guarddog)] if guarddog else [])]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    summary = json.loads(done.stdout.strip().splitlines()[-1])["summary"]
    theirs = summary.get("guarddog")
    ours = sum(result.cpu_seconds for _, result in found.values()) / len(every)
    if theirs:
        say(
            "scan.cpu_per_archive",
            ours,
            "s",
            better="lower",
            against="peer",
            other=theirs["cpu_per_archive_s"],
            archives=len(every),
        )
        flagged = theirs.get("score>=5.0", 0) / max(1, len(every))
        alerts = sum(verdict is not Verdict.CLEAR for verdict, _ in found.values()) / len(every)
        say("scan.false_alerts", alerts, "share", better="lower", against="peer", other=flagged, archives=len(every))
    else:
        total = sum(summary[key]["total"] for key in ("unpack_s", "ast_s")) / len(every)
        say(
            "scan.cpu_per_archive",
            ours,
            "s",
            better="lower",
            against="peer",
            other=total,
            limit="the peer's unpack and ast",
            archives=len(every),
        )


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--benign", type=Path)
    parser.add_argument("--malicious", type=Path)
    parser.add_argument("--peer", type=Path, help="the peer program")
    parser.add_argument("--guarddog", type=Path, help="the scanner that the peer program runs")
    parser.add_argument("--limit", type=int, default=10_000, help="archives of each set, at most")
    parser.add_argument("--quick", action="store_true", help="a dozen archives, no rewrites")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    most = min(options.limit, 12) if options.quick else options.limit
    benign = (archives(options.benign) if options.benign else installed(VAR))[:most]
    box = pick("auto")
    scanner = Scanner(box)
    try:
        found = scanned(benign, scanner)
        name = options.benign.name if options.benign else "installed packages"
        speed(benign, found, name)
        precision(found, name)
        again(found, scanner)
        determinism(benign, scanner, found)
        hostile(scanner)
        if not options.quick:
            evasion()
        if options.malicious:
            bad = archives(options.malicious)[:most]
            recall(bad, scanned(bad, scanner))
        if options.peer:
            peer(options.peer, options.guarddog, benign, found)
    finally:
        box.close()


if __name__ == "__main__":
    main()
