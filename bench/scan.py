"""How fast and how right screening is (figures G1 to G4, G6 to G10), beside a peer or the physical limits.

    bench/scan.py [--benign LIST --archives DIR] [--malicious LIST --registry REPOSITORY] [--peer PATH --guarddog PATH]
                  [--sample N] [--most-mb N] [--limit N] [--quick]

LIST is a folder, a file of paths, or a development list (bench/scan_data.py); DIR is what bench/scan_fetch.py fetched, REPOSITORY a
bare copy of the registry that the malicious list names. Without --benign, wheels are made of the packages installed here. One JSON
line for each figure; `ratio` > 1 means that ours is better. The `limit` rows compare the processor time of a whole scan with what
hashing, unpacking and parsing the same archives costs in the same run; with --peer, the program of that path runs over the
archives that are drawn for speed (at most --sample of each set), with the scanner that --guarddog names, and over one archive
each of as many campaigns. Static only: nothing of an archive is run, and no malicious one is written to disk; for the peer they
lie in memory, in a folder that nobody else can read and that is gone afterwards.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.scan_data import Archive, Reader, archives, drawn, installed, reading, wilson
from bench.scan_fit import folds, rows_of
from bench.scan_observe import Seen

from bonded.adapters.sandbox_pick import pick
from bonded.checks.registry import discover
from bonded.facts.archive import Kind, read_archive
from bonded.facts.collect import SCREENING
from bonded.screening.policy import Policy, decide, weigh
from bonded.screening.run import FAILED, Scanner, ScanResult, ScanSettings, judge, scan
from bonded.values.states import Verdict

VAR = Path(__file__).resolve().parent.parent / "var"
LABELS = Path(__file__).with_name("scan_labels.json")
Judged = dict[Archive, tuple[Verdict, ScanResult]]


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


def limits(every: list[Archive], reader: Reader) -> dict[str, float]:
    """Processor seconds, all archives together: hashing them, unpacking them to memory, parsing every Python member."""
    spent: dict[str, float] = defaultdict(float)
    for one in every:
        data = reader.read(one)
        spent["sha256"] += cpu(lambda data=data: hashlib.sha256(data).digest())  # type: ignore[misc]
        sources: list[bytes] = []
        spent["unpack"] += cpu(
            lambda one=one, data=data, out=sources: spent.__setitem__("bytes", spent["bytes"] + _unpack(one, data, out))
        )  # type: ignore[misc]
        spent["ast"] += cpu(lambda sources=sources: [_parse(source) for source in sources])  # type: ignore[misc]
    return dict(spent)


def _unpack(one: Archive, data: bytes, sources: list[bytes]) -> int:
    total = 0
    for member in read_archive(io.BytesIO(data), one.name, SCREENING, keep=lambda path, _size: path.endswith(".py")):
        total += member.size
        if member.kind is Kind.FILE and member.data is not None:
            sources.append(member.data)
    return total


def _parse(source: bytes) -> None:
    with warnings.catch_warnings(), contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        warnings.simplefilter("ignore")
        ast.parse(source)


def scanned(every: list[Archive], reader: Reader, scanner: Scanner) -> Judged:
    """A verdict and the whole result for each archive."""
    found: Judged = {}
    for one in every:
        result = scan(reader.read(one), one.name, None, discover(), scanner)
        found[one] = (decide(result.findings, Policy()).verdict, result)
    return found


def speed(found: Judged, reader: Reader, name: str) -> None:
    """G3 and G4: processor time for each archive, and unpacked megabytes for each processor second."""
    every = list(found)
    spent = limits(every, reader)
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
    """False alerts: benign archives that are held or rejected, wheels and sdists apart, with a 95 % interval."""
    for kind in ("wheel", "sdist"):
        some = {one: verdict for one, (verdict, _) in found.items() if one.kind == kind}
        for level, verdicts in LEVELS.items() if some else ():
            alerts = [one.name for one, verdict in some.items() if verdict in verdicts]
            low, high = wilson(len(alerts), len(some))
            say("scan.false_alerts", len(alerts) / len(some), "share", better="lower", set=name, kind=kind, level=level,
                archives=len(some), interval=[round(low, 4), round(high, 4)], alerts=alerts[:20])  # fmt: skip


LEVELS = {"reject": {Verdict.REJECT}, "review": {Verdict.REVIEW, Verdict.REJECT}}


def recall(found: Judged) -> None:
    """G1 and G2: by campaign and by archive; wheels and sdists apart; those that hold no code apart."""
    live = {one: row for one, row in found.items() if not one.inert}
    groups = {"all": live, "inert": {one: row for one, row in found.items() if one.inert}}
    groups |= {kind: {one: row for one, row in live.items() if one.kind == kind} for kind in ("wheel", "sdist")}
    for group, some in groups.items():
        for level, verdicts in LEVELS.items() if some else ():
            hits: dict[str, list[bool]] = defaultdict(list)
            for one, (verdict, _) in some.items():
                hits[one.cluster].append(verdict in verdicts)
            caught = sum(sum(each) / len(each) for each in hits.values())
            low, high = wilson(round(caught), len(hits))
            by_archive = sum(sum(each) for each in hits.values()) / len(some)
            say("scan.recall", caught / len(hits), "share", better="higher", level=level, group=group, archives=len(some),
                campaigns=len(hits), interval=[round(low, 4), round(high, 4)], by_archive=round(by_archive, 4))  # fmt: skip


def unseen(bad: Judged, good: Judged) -> None:
    """G1 and G2 with weights that were fitted without the campaign they judge: five folds."""
    seen = [Seen(one, True, result.findings, 0.0) for one, (_, result) in bad.items()]
    seen += [Seen(one, False, result.findings, 0.0) for one, (_, result) in good.items()]
    judged = folds(rows_of(seen))
    for level, least in (("reject", Policy().reject), ("review", Policy().review)):
        hits: dict[str, list[bool]] = defaultdict(list)
        for row, value in judged:
            if row.hostile and not row.inert:
                hits[row.cluster].append(value >= least)
        caught = sum(sum(each) / len(each) for each in hits.values())
        alerts = sum(value >= least for row, value in judged if not row.hostile)
        low, high = wilson(round(caught), len(hits))
        say("scan.recall_unseen_campaigns", caught / len(hits), "share", better="higher", level=level, campaigns=len(hits),
            interval=[round(low, 4), round(high, 4)], false_alerts=alerts, ordinary=len(good))  # fmt: skip


def localisation(found: Judged) -> None:
    """G9: whether the heaviest finding points into the payload, for archives whose payload was labelled beforehand."""
    labels = {row["git_blob"]: row["payload"] for row in json.loads(LABELS.read_text("utf-8"))["labels"]}
    right, missed = 0, []
    judged = [(one, result) for one, (_, result) in found.items() if one.blob in labels]
    for one, result in judged:
        policy = Policy()
        top = max(result.findings, key=lambda finding: weigh(finding, policy), default=None)
        lies = top is not None and any(
            _same(top.path, place["path"]) and place["line"] <= max(top.line, 1) <= place["end_line"]
            for place in labels[one.blob]
        )
        right += lies
        if not lies:
            missed.append(one.blob[:12])
    if judged:
        low, high = wilson(right, len(judged))
        say("scan.evidence_in_payload", right / len(judged), "share", better="higher", other=1.0, archives=len(judged),
            interval=[round(low, 4), round(high, 4)], missed=missed[:20])  # fmt: skip


def _same(left: str, right: str) -> bool:
    return left.removeprefix("./") == right.removeprefix("./")


def hostile(scanner: Scanner) -> None:
    """G7: hostile archives and programs: all get a verdict within 5 processor seconds and 256 MB."""
    from tests.screening.test_hostile import ARCHIVES, ORDINARY, PROGRAMS, program

    tight = Scanner(scanner.sandbox, ScanSettings(cpu_seconds=5.0, memory_bytes=256 * 2**20))
    made = [make() for make in (*ARCHIVES.values(), *ORDINARY.values())] + [
        program(source) for source in PROGRAMS.values()
    ]
    results = [scan(data, name, None, discover(), tight) for data, name in made]
    by_budget = sum(all(one.check != FAILED for one in result.findings) for result in results)
    say("scan.hostile_verdicts", by_budget / len(results), "share", better="higher", other=1.0, archives=len(results))
    say("scan.hostile_cpu_most", max(result.cpu_seconds for result in results), "s", better="lower", other=5.0)


def evasion() -> None:
    """G8: alerts kept under twelve rewrites of every positive sample."""
    from tests.checks.rewritten import outcomes

    rows = outcomes()
    kept = sum(row.kept for row in rows)
    lost = [f"{row.sample}: {row.rewrite}" for row in rows if not row.kept]
    say("scan.alerts_kept_when_rewritten", kept / len(rows), "share", better="higher", other=1.0, rewritten=len(rows),
        samples=len({row.sample for row in rows}), lost=lost)  # fmt: skip


def determinism(found: Judged, reader: Reader, scanner: Scanner, workers: int = 1) -> None:
    """G10: the same facts and findings again, by other children, `workers` of them at a time."""
    with ThreadPoolExecutor(workers) as pool:
        seconds = pool.map(
            lambda given: scan(given[1], given[0].name, None, discover(), scanner),
            [(one, reader.read(one)) for one in found],
        )
        same = sum(
            second.facts_json == first.facts_json and second.findings == first.findings
            for second, (_, first) in zip(seconds, found.values(), strict=True)
        )
    say("scan.same_again", same / len(found), "share", better="higher", other=1.0, archives=len(found), workers=workers)


def labelled(every: list[Archive], reader: Reader, scanner: Scanner) -> None:
    """G9 over all labels there are, and G10 over the same archives with other numbers of workers."""
    known = {row["git_blob"] for row in json.loads(LABELS.read_text("utf-8"))["labels"]}
    found = scanned([one for one in every if one.blob in known], reader, scanner)
    localisation(found)
    for workers in (1, 2, 4, 8):
        determinism(found, reader, scanner, workers)


def peer(program: Path, guarddog: Path | None, found: Judged, name: str) -> None:
    """The peer over the same archives: processor time for each, and its false alerts."""
    every = list(found)
    with tempfile.TemporaryDirectory() as folder:
        for one in every:
            assert one.path is not None
            (Path(folder) / one.name).symlink_to(one.path.resolve())
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
            set=name,
        )
        flagged = theirs.get("score>=5.0", 0) / max(1, len(every))
        alerts = sum(verdict is not Verdict.CLEAR for verdict, _ in found.values()) / len(every)
        say("scan.false_alerts", alerts, "share", better="lower", against="peer", other=flagged, archives=len(every),
            set=name)  # fmt: skip
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
            set=name,
        )


def lot(every: list[Archive], many: int) -> list[Archive]:
    """`many` of them, drawn by lot, in their order; all, where there are no more."""
    picked = set(random.Random(1).sample(range(len(every)), min(many, len(every))))
    return [one for number, one in enumerate(every) if number in picked]


def peer_recall(program: Path, guarddog: Path, found: Judged, many: int, reader: Reader) -> None:
    """One archive each of `many` campaigns, by the peer and by us."""
    first: dict[str, Archive] = {}
    for one in found:
        if not one.inert:
            first.setdefault(one.cluster, one)
    some = lot(list(first.values()), many)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # made for its owner only, in memory
        for number, one in enumerate(some):
            (Path(folder) / f"{number}-{one.name}").write_bytes(reader.read(one))
        words = [sys.executable, str(program), folder, "--guarddog", str(guarddog)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout.strip().splitlines()[-1])["summary"]["guarddog"]
    for level, verdicts in LEVELS.items():
        ours = sum(found[one][0] in verdicts for one in some)
        low, high = wilson(ours, len(some))
        say("scan.recall", ours / len(some), "share", better="higher", against="peer", level=level, campaigns=len(some),
            other=theirs.get("score>=5.0", 0) / len(some), interval=[round(low, 4), round(high, 4)])  # fmt: skip


def ordinary(options: argparse.Namespace) -> list[Archive]:
    """The archives that are taken for harmless."""
    if options.benign is None:
        return installed(VAR)
    return [
        one for one in archives(options.benign, options.archives)
        if one.path is not None and one.path.stat().st_size <= options.most_mb * 1e6
    ]  # fmt: skip


def measure(options: argparse.Namespace, reader: Reader, scanner: Scanner) -> None:
    """All figures, in order; or those of labelled archives alone."""
    if options.labelled:
        labelled(archives(options.malicious), reader, scanner)
        return
    most = min(options.limit, 12) if options.quick else options.limit
    good = ordinary(options)
    sets = {"ordinary": good[:most]}
    if options.benign is not None and not options.quick:
        sets = {
            "sdists and 40 wheels": lot([*drawn(good, "sdist", 24), *drawn(good, "wheel", 40)], options.sample),
            "160 wheels": lot(drawn(good, "wheel", 160), options.sample),
        }
    for name, some in sets.items():
        found = scanned(some, reader, scanner)
        speed(found, reader, name)
        again(found, scanner)
        determinism(found, reader, scanner)
        if options.peer:
            peer(options.peer, options.guarddog, found, name)
    found = scanned(lot(good, most), reader, scanner)
    precision(found, options.benign.name if options.benign else "installed packages")
    hostile(scanner)
    if not options.quick:
        evasion()
    if options.malicious:
        bad = scanned(lot(archives(options.malicious), most), reader, scanner)
        recall(bad)
        unseen(bad, found)
        if LABELS.exists():
            localisation(bad)
        if options.peer and options.guarddog:
            peer_recall(options.peer, options.guarddog, bad, options.sample, reader)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--benign", type=Path)
    parser.add_argument("--archives", type=Path, help="the folder of the archives that a benign list names")
    parser.add_argument("--malicious", type=Path)
    parser.add_argument("--registry", type=Path, help="a bare copy of the repository that a malicious list names")
    parser.add_argument("--peer", type=Path, help="the peer program")
    parser.add_argument("--guarddog", type=Path, help="the scanner that the peer program runs")
    parser.add_argument(
        "--sample", type=int, default=10_000, help="archives of each set that is drawn for speed and the peer"
    )
    parser.add_argument("--most-mb", type=float, default=20.0, help="larger ordinary archives are left out")
    parser.add_argument("--limit", type=int, default=10_000, help="archives of each list, at most, drawn by lot")
    parser.add_argument("--labelled", action="store_true", help="only the archives whose payload is labelled (G9, G10)")
    parser.add_argument("--quick", action="store_true", help="a dozen archives, no rewrites")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    box = pick("auto")
    try:
        with reading(options.registry) as reader:
            measure(options, reader, Scanner(box))
    finally:
        box.close()


if __name__ == "__main__":
    main()
