"""How long a search takes among many projects (asked: at most 50 ms with 100,000).

    bench/search.py [--projects N] [--database URL] [--rounds N] [--quick]

Projects with names made of real ones and of words, and summaries of words whose frequencies follow Zipf's law, are entered
straight into the tables of the search; then each kind of question is asked over and over, as the page asks it: one reading
transaction, everything found. Without --database a SQLite file is made for this; the URL is of an empty PostgreSQL otherwise.
What is compared with is the 50 ms asked for.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.server import memory_mb, row
from sqlalchemy import func, insert, select, text

from bonded.catalog.find import find
from bonded.catalog.search_tables import near, search
from bonded.catalog.slips import slips
from bonded.catalog.tables import project, requirement
from bonded.catalog.twins import twin
from bonded.db import migrate
from bonded.db.engine import Database, open_database
from bonded.values.names import normalize

ROOT = Path(__file__).resolve().parent.parent
ASKED_MS = 50.0
AT_ONCE = 2000
PARTS = (
    "py",
    "django",
    "flask",
    "aws",
    "data",
    "async",
    "test",
    "http",
    "json",
    "ml",
    "web",
    "cli",
    "api",
    "sdk",
    "tool",
)
QUESTIONS = {
    "exact": "requests",
    "beginning": "dja",
    "two-letters": "py",
    "slip": "reqeusts",
    "part-of-a-name": "soup",
    "rare-word": "word1900",
    "common-word": "python",
    "two-words": "python word17",
    "nothing": "qqqqzzzz",
}


def names(count: int, rng: random.Random) -> list[str]:
    """`count` different normalized names: the real ones, then combinations."""
    real = [line.split()[0] for line in (ROOT / "src/bonded/checks/popular.txt").read_text().splitlines() if line]
    found = {normalize(name): None for name in real if name[:1].isalnum()}
    stems = list(found)
    while len(found) < count:
        found[normalize(f"{rng.choice(PARTS)}-{rng.choice(stems)}-{rng.choice(PARTS)}{rng.randrange(60)}")] = None
    return list(found)[:count]


def fill(db: Database, count: int) -> None:
    """Make the projects, their rows in the search, and who requires whom."""
    rng = random.Random(7)
    words = ["python", "library", "client", "tool", "simple", *(f"word{n}" for n in range(2000))]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    keys = names(count, rng)
    for start in range(0, count, AT_ONCE):
        batch = [(f"p{start + n}", key) for n, key in enumerate(keys[start : start + AT_ONCE])]
        said = [" ".join(rng.choices(words, weights, k=9)) for _ in batch]
        fixed = {"status": "active", "created_at": now}
        with db.write() as tx:
            tx.execute(insert(project), [{"id": i, "key": k, "name": k, "twin": twin(k), **fixed} for i, k in batch])
            tx.execute(
                insert(search),
                [
                    {"project_id": i, "key": k, "name": k, "version": "1.0", "summary": s, "words": s[:40]}
                    for (i, k), s in zip(batch, said, strict=True)
                ],
            )
            tx.execute(insert(near), [{"slip": s, "project_id": i} for i, k in batch for s in sorted(slips(k))])
            required = [{"name": keys[min(count - 1, int(rng.paretovariate(0.8)))], "project_id": i} for i, _ in batch]
            tx.execute(insert(requirement), required)
    with db.write() as tx:
        tx.execute(text("ANALYZE"))


def ask(db: Database, question: str, rounds: int) -> tuple[list[float], float]:
    """Milliseconds of each round, sorted; and milliseconds of this process's CPU for one."""
    took = []
    cpu = time.process_time()
    for _ in range(rounds):
        began = time.perf_counter()
        with db.read() as conn:
            find(conn, question)
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took), (time.process_time() - cpu) * 1000 / rounds


def main() -> None:
    """Fill, ask, print a line for each kind of question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=100_000)
    parser.add_argument("--database", default="")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="10,000 projects, 20 rounds")
    parser.add_argument("--peer", default="", help="not used: what is compared with is a limit")
    given = parser.parse_args()
    count, rounds = (10_000, 20) if given.quick else (given.projects, given.rounds)
    with tempfile.TemporaryDirectory() as folder:
        db = open_database(given.database or f"sqlite:///{folder}/search.db")
        migrate.upgrade(db)
        with db.read() as conn:
            there = conn.execute(select(func.count()).select_from(search)).scalar_one()
        if not there:
            fill(db, count)
        for kind, question in QUESTIONS.items():
            took, cpu = ask(db, question, rounds)
            p99 = took[int(len(took) * 0.99)]
            params = {"projects": count, "database": db.dialect, "question": kind, "rounds": rounds}
            params |= {"p50_ms": round(statistics.median(took), 2), "cpu_ms": round(cpu, 2)}
            row("search.p99", params, round(p99, 2), "ms", "limit", ASKED_MS, "lower", memory_mb(os.getpid()))
        db.close()


if __name__ == "__main__":
    main()
