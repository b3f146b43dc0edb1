"""What the second release of a project costs to screen (figure G3), with what the first one left and without.

    bench/scan_again.py --benign LIST [--archives DIR] [--most-mb N] [--limit N]

LIST is a folder, a file of paths, or a development list (bench/scan_data.py). Of every project of which it has two releases, the
newer one is screened with what the older one left; of the others, the same archive again, for an upper bound. Processor seconds
of the sandboxed child; one JSON line for each figure. `same` counts those whose facts and findings are the same both ways (G10).
Static only: nothing of an archive is run or written to disk.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import structlog
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.scan_data import Archive, archives

from bonded.adapters.sandbox_pick import pick
from bonded.checks.registry import discover
from bonded.screening.run import Scanner, scan

Pair = tuple[Archive, Archive]


def release_of(name: str) -> tuple[str, Version, str] | None:
    """Project, version and kind of an archive, by its name; None for odd names."""
    try:
        if name.endswith(".whl"):
            project, version, _, _ = parse_wheel_filename(name)
            return project, version, "wheel"
        project, version = parse_sdist_filename(name)
    except ValueError:
        return None
    return project, version, "sdist"


def pairs(every: list[Archive]) -> Iterator[Pair]:
    """(older, newer) for each project with two releases of a kind: neighbours in the order of their versions."""
    groups: dict[tuple[str, str], list[tuple[Version, Archive]]] = defaultdict(list)
    for one in every:
        release = release_of(one.name)
        if release is not None:
            groups[release[0], release[2]].append((release[1], one))
    for _, some in sorted(groups.items()):
        some.sort(key=lambda row: row[0])
        yield from ((old, new) for (_, old), (_, new) in itertools.pairwise(some))


def measure(name: str, some: list[Pair], scanner: Scanner) -> None:
    """Print what the newer archive of each pair costs."""
    first = second = stored = 0.0
    same = 0
    for old, new in some:
        assert old.path is not None
        assert new.path is not None
        before = scan(old.path, old.name, None, discover(), scanner, known=())
        alone = scan(new.path, new.name, None, discover(), scanner)
        after = scan(new.path, new.name, None, discover(), scanner, known=(before.left,))
        first, second, stored = first + alone.cpu_seconds, second + after.cpu_seconds, stored + len(before.left)
        same += (after.facts_json, after.findings) == (alone.facts_json, alone.findings)
    count = max(1, len(some))
    row = {
        "figure": "scan.second_release", "params": {"set": name, "archives": len(some)}, "unit": "s", "better": "lower",
        "value": round(second / count, 5), "against": "without", "against_value": round(first / count, 5),
        "ratio": round(first / second, 3) if second else None, "same": same, "kept_kb": round(stored / count / 1000, 1),
    }  # fmt: skip
    print(json.dumps(row), flush=True)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--benign", type=Path, required=True)
    parser.add_argument("--archives", type=Path, help="the folder of the archives that a benign list names")
    parser.add_argument("--most-mb", type=float, default=20.0, help="larger archives are left out")
    parser.add_argument("--limit", type=int, default=160, help="archives of each set, at most")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    every = [
        one for one in archives(options.benign, options.archives)
        if one.path is not None and one.path.stat().st_size <= options.most_mb * 1e6
    ]  # fmt: skip
    box = pick("auto")
    try:
        scanner = Scanner(box)
        measure("two releases of a project", list(pairs(every))[: options.limit], scanner)
        measure("the same wheel again", [(one, one) for one in every if one.kind == "wheel"][: options.limit], scanner)
        measure("the same sdist again", [(one, one) for one in every if one.kind == "sdist"][: options.limit], scanner)
    finally:
        box.close()


if __name__ == "__main__":
    main()
