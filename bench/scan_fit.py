"""Fit the terms of the score on the development share of the data, and write them where screening reads them.

    bench/scan_fit.py --malicious LIST --benign LIST --registry REPOSITORY --archives DIR [--write]

LIST are the development lists, REPOSITORY a bare copy of the registry that the malicious one names, DIR what
bench/scan_fetch.py fetched. Static only; see bench/scan_data.py. Prints the figures of the fit, and those of a fit that had not
seen the campaigns it is judged on (five folds). With --write the terms go to src/bonded/screening/terms.toml.

The model is that of screening.policy: of each check the heaviest finding, joined as independent chances. What is fitted is the
weight of each check, severity and time at which it runs. A campaign counts as one, however many archives it has; an ordinary archive counts
`CARE` times, since a false alert is dearer than a miss. A weight is drawn to that of its severity as if `TRUST` more archives
had been seen that agree with it, so that a term that was seen twice is not believed for ever.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.scan_data import archives, reading, wilson
from bench.scan_observe import Seen, observe

from bonded.adapters.sandbox_pick import pick
from bonded.screening.policy import SEVERITY_WEIGHTS, WHEN_WEIGHTS, Policy
from bonded.screening.run import FAILED, Scanner
from bonded.screening.terms import FILE, Key, key_of
from bonded.screening.together import NAME, together
from bonded.values.finding import Severity, When

CARE = 6.0
TRUST = 1.0
GRID = [0.0, 0.02, 0.05, *(n / 20 for n in range(2, 20)), 0.97, 0.99]
FLOOR = 0.002
"""The chance of malice in an archive of which nothing was found: it only keeps the logarithm finite."""
HINT = 0.5
"""What a finding of low severity weighs at most. Honest beginners look as it says, and the ordinary archives are of the
popular: the data cannot show how many newcomers a greater weight would hold."""
COMPANY = 0.4
"""What a hint weighs at most because of the company it is in: a few hints have a person look, and do not reject."""
ROUNDS = 6
UNFITTED = (FAILED, "unreadable-archive")
"""What says nothing of intent. Many archives of the malicious list have names that their collector gave them: that they lie is
true of the collection, not of malware."""

TIMES = {
    "at_once": 1.0,
    "call": WHEN_WEIGHTS[When.CALL],
    "unknown": WHEN_WEIGHTS[When.UNKNOWN],
    "never": WHEN_WEIGHTS[When.NEVER],
}
"""What a term begins with, besides its severity."""

Weights = dict[Key, float]


@dataclass(frozen=True)
class Row:
    """One archive for the fit: by check, its findings as (key, confidence); `count` is what it counts."""

    cluster: str
    hostile: bool
    inert: bool
    count: float
    checks: tuple[tuple[tuple[Key, float], ...], ...]


def rows_of(seen: Iterable[Seen]) -> list[Row]:
    """Rows, each archive of a campaign counting its share of one."""
    every = list(seen)
    sizes: dict[str, int] = defaultdict(int)
    for one in every:
        if one.hostile and not one.archive.inert:
            sizes[one.archive.cluster] += 1
    made = []
    for one in every:
        found: dict[str, dict[Key, float]] = defaultdict(dict)
        both = together(one.findings)
        for finding in (*one.findings, both) if both is not None else one.findings:
            key = key_of(finding.check, finding.severity.value, finding.when)
            found[finding.check][key] = max(finding.confidence, found[finding.check].get(key, 0.0))
        count = 1 / sizes.get(one.archive.cluster, 1) if one.hostile else CARE
        checks = tuple(tuple(sorted(best.items())) for _, best in sorted(found.items()))
        made.append(Row(one.archive.cluster, one.hostile, one.archive.inert, count, checks))
    return made


def start_of(key: Key) -> float:
    """The weight that severity and time alone would give."""
    return min(0.99, SEVERITY_WEIGHTS[Severity(key[1])] * TIMES[key[2]])


def score(row: Row, weights: Weights) -> float:
    """As screening.policy joins them."""
    rest = 1.0
    for findings in row.checks:
        rest *= 1.0 - min(0.99, max(sure * weights.get(key, start_of(key)) for key, sure in findings))
    return 1.0 - rest


def loss(rows: list[Row], weights: Weights) -> float:
    """The log loss of these rows."""
    total = 0.0
    for row in rows:
        chance = min(1.0 - FLOOR, FLOOR + score(row, weights))
        total -= row.count * math.log(chance if row.hostile else 1.0 - chance)
    return total


def drawn_back(key: Key, weight: float) -> float:
    """The loss of moving away from the severity's own weight."""
    start = min(0.97, max(0.03, start_of(key)))
    weight = min(0.99, max(0.01, weight))
    return -TRUST * (start * math.log(weight) + (1.0 - start) * math.log(1.0 - weight))


def fit(rows: list[Row]) -> Weights:
    """Weights that lose least, one pair after the other, in a fixed order: the same rows always give the same weights.

    What findings weigh alone is fitted first, as if nothing were worse in company: what malware does must not weigh less
    because most of it also describes itself badly.
    """
    alone = _fitted(
        [replace(row, checks=tuple(each for each in row.checks if each[0][0][0] != NAME)) for row in rows], {}
    )
    return _fitted(rows, alone)


def _fitted(rows: list[Row], given: Weights) -> Weights:
    """`given` weights stay as they are."""
    holding: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        if not (row.hostile and row.inert):
            for findings in row.checks:
                for key, _ in findings:
                    holding[key].append(row)
    free = [key for key in sorted(holding) if key not in given and key[0] not in UNFITTED and key[2] != "never"]
    weights = given | {key: start_of(key) for key in free}
    for _ in range(ROUNDS):
        before = dict(weights)
        for key in free:
            grid = [value for value in GRID if value <= _most(key)]
            weights[key] = min(grid, key=lambda value, key=key: _cost(holding[key], weights, key, value))  # type: ignore[misc]
        if weights == before:
            break
    return weights


def _most(key: Key) -> float:
    """The greatest weight that a term may have."""
    if key[1] not in ("info", "low"):
        return 1.0
    return COMPANY if key[0] == NAME else HINT


def _cost(rows: list[Row], weights: Weights, key: Key, value: float) -> float:
    return loss(rows, weights | {key: value}) + drawn_back(key, value)


def folds(rows: list[Row], many: int = 5) -> list[tuple[Row, float]]:
    """Every row with the score that a fit gives which had not seen its campaign (or, ordinary, its archive)."""
    names = sorted({row.cluster for row in rows})
    fold = {name: number % many for number, name in enumerate(names)}
    judged: list[tuple[Row, float]] = []
    for number in range(many):
        weights = fit([row for row in rows if fold[row.cluster] != number])
        judged += [(row, score(row, weights)) for row in rows if fold[row.cluster] == number]
    return judged


def tell(what: str, judged: list[tuple[Row, float]], review: float, reject: float) -> None:
    """Recall by campaign and false alerts at both thresholds."""
    for level, least in (("reject", reject), ("review", review)):
        caught: dict[str, list[bool]] = defaultdict(list)
        for row, value in judged:
            if row.hostile and not row.inert:
                caught[row.cluster].append(value >= least)
        hits = sum(sum(each) / len(each) for each in caught.values())
        ordinary = [value >= least for row, value in judged if not row.hostile]
        low, high = wilson(round(hits), len(caught))
        print(json.dumps({
            "fit": what, "level": level, "threshold": least, "campaigns": len(caught),
            "recall": round(hits / max(1, len(caught)), 4), "interval": [round(low, 4), round(high, 4)],
            "ordinary": len(ordinary), "false_alerts": sum(ordinary),
        }))  # fmt: skip


def written(weights: Weights, rows: list[Row]) -> str:
    """The file of terms."""
    campaigns: dict[Key, set[str]] = defaultdict(set)
    ordinary: dict[Key, set[str]] = defaultdict(set)
    for row in rows:
        for findings in row.checks:
            for key, _ in findings:
                (campaigns if row.hostile else ordinary)[key].add(row.cluster)
    lines = [
        "# Written by bench/scan_fit.py; not by hand. A weight is what a finding of this check, severity and time weighs;",
        "# `campaigns` and `ordinary` say in how many of the training data it was seen.",
        "[data]",
        f"campaigns = {len({row.cluster for row in rows if row.hostile})}",
        f"ordinary = {sum(not row.hostile for row in rows)}",
    ]
    for check in sorted({key[0] for key in weights}):
        lines += ["", f"[terms.{check}]"]
        for key in sorted(key for key in weights if key[0] == check):
            counts = f"campaigns = {len(campaigns[key])}, ordinary = {len(ordinary[key])}"
            lines.append(f"{key[1]}.{key[2]} = {{ weight = {weights[key]:.2f}, {counts} }}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--malicious", type=Path, required=True)
    parser.add_argument("--benign", type=Path, required=True)
    parser.add_argument("--registry", type=Path, required=True)
    parser.add_argument("--archives", type=Path, required=True)
    parser.add_argument("--most-mb", type=float, default=20.0, help="larger ordinary archives are left out")
    parser.add_argument("--review", type=float, default=Policy().review)
    parser.add_argument("--reject", type=float, default=Policy().reject)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    bad = archives(options.malicious)
    good = [
        one for one in archives(options.benign, options.archives)
        if one.path and one.path.stat().st_size <= options.most_mb * 1e6
    ]  # fmt: skip
    box = pick("auto")
    try:
        with reading(options.registry) as reader:
            seen = [*observe(bad, True, reader, Scanner(box)), *observe(good, False, reader, Scanner(box))]
    finally:
        box.close()
    rows = rows_of(seen)
    weights = fit(rows)
    tell("not fitted", [(row, score(row, {})) for row in rows], options.review, options.reject)
    tell("fitted", [(row, score(row, weights)) for row in rows], options.review, options.reject)
    tell("five folds", folds(rows), options.review, options.reject)
    loud = sorted((-score(row, weights), row.cluster) for row in rows if not row.hostile and score(row, weights) > 0.2)
    for value, name in loud[:40]:
        print(json.dumps({"ordinary": name, "score": round(-value, 3)}))
    if options.write:
        FILE.write_text(written(weights, rows), "utf-8")


if __name__ == "__main__":
    main()
