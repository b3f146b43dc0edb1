"""Whether the same archives still give the same facts: for changes that should only make reading faster.

    bench/scan_facts.py LIST --out FILE          write a digest of the facts of each archive
    bench/scan_facts.py LIST --against FILE      compare with digests written before; exit 1 where some differ

LIST is a folder or a list file (bench/scan_data.py). Facts are made in this process, one archive after the other; the last
line says how many processor seconds they took. Static only: nothing of an archive is run or written to disk.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.scan_data import archives

from bonded.facts.model import dump
from bonded.facts.read import read
from bonded.screening.child import warm


def digests(where: Path) -> tuple[dict[str, str], float]:
    """The sha256 of the facts by file name, and the processor seconds that they took."""
    found: dict[str, str] = {}
    spent = 0.0
    for one in archives(where):
        gc.disable()  # as in the sandbox
        start = time.process_time()
        with one.path.open("rb") as stream:
            facts = dump(read(stream, one.path.name))
        spent += time.process_time() - start
        found[one.path.name] = hashlib.sha256(facts).hexdigest()
        gc.enable()
        gc.collect()
    return found, spent


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("archives", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--against", type=Path)
    options = parser.parse_args()
    sys.setrecursionlimit(6000)
    warm()
    found, spent = digests(options.archives)
    if options.out:
        options.out.write_text(json.dumps(found, indent=0, sort_keys=True), "utf-8")
    before = json.loads(options.against.read_text("utf-8")) if options.against else found
    differ = sorted(name for name in found if before.get(name) != found[name])
    for name in differ:
        print(f"differs: {name}")
    print(f"{len(found)} archives, {len(differ)} differ, {spent:.2f} processor seconds")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
