"""Worker processes that are killed at random while uploads and a backfill go on: every run exactly once, nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bonded.adapters.storage_files import FileStorage
from bonded.catalog.tables import finding, screening_run, verdict
from bonded.checks.registry import discover
from bonded.db.engine import Database
from bonded.screening import backfill, states
from bonded.screening.backfill import BackfillState
from bonded.screening.selection import Selection
from bonded.screening.states import CheckState
from bonded.seams import Sandbox
from bonded.values.states import FileState, SubjectKind
from bonded.values.who import OPERATOR
from tests.catalog.conftest import Shelf
from tests.screening.conftest import HOSTILE
from tests.screening.index import Index

CHECK = "decoded-or-downloaded-code-executed"
PROGRAM = """
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
import bonded.db.jobs as jobs, bonded.db.worker as worker
from bonded.adapters.sandbox_pick import pick
from bonded.adapters.storage_files import FileStorage
from bonded.db.engine import open_database
from bonded.screening import backfill
from bonded.screening.backfill_part import run_part
from bonded.screening.job import screen
from bonded.screening.settings import ScreeningContext

worker.LEASE, worker.BEAT, backfill.FILES = timedelta(seconds=3), timedelta(seconds=1), 3
db = open_database(sys.argv[1])
context = ScreeningContext(db, FileStorage(Path(sys.argv[2])), pick("rlimits"))
handlers = {"screen": partial(screen, context), "backfill": partial(run_part, context)}
now = lambda: datetime.now(UTC)
print("ready", flush=True)
import time
while True:
    with db.write() as tx:
        jobs.sweep(tx, now=now())
    if not worker.work_once(db, handlers, now):
        time.sleep(0.05)
"""


@contextmanager
def workers(url: str, vault: Path, many: int) -> Iterator[list[subprocess.Popen[str]]]:
    """So many processes; `killed` ones are replaced by the caller."""
    some = [begin(url, vault) for _ in range(many)]
    try:
        yield some
    finally:
        for one in some:
            one.kill()
            one.wait()


def begin(url: str, vault: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", PROGRAM, url, str(vault)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_workers_killed_at_random(db: Database, tmp_path: Path, sandbox: Sandbox, seed: int) -> None:
    chance = random.Random(seed)
    index = Index(Shelf(db, datetime.now(UTC)), FileStorage(tmp_path / "vault"), sandbox)
    with db.write() as tx:
        states.set_state(tx, OPERATOR, CHECK, CheckState.DISABLED, reason="a test", now=index.now)
    old = [index.upload(f"old-{n % 5}", HOSTILE + f"# {n}\n", f"{n}.0") for n in range(30)]
    index.work()
    with db.write() as tx:
        states.set_state(tx, OPERATOR, CHECK, CheckState.ENABLED, reason="a test", now=index.now)
        index.shelf.now = datetime.now(UTC)
        number = backfill.start(tx, OPERATOR, [CHECK], Selection(), now=index.now)
    url = db.engine.url.render_as_string(hide_password=False)
    new, killed = [], 0
    with workers(url, tmp_path / "vault", 2) as some:
        until = time.monotonic() + 600
        while time.monotonic() < until:
            if len(new) < 20:
                index.shelf.now = datetime.now(UTC)
                new.append(index.upload(f"new-{len(new) % 3}", HOSTILE + f"# new {len(new)}\n", f"{len(new)}.0"))
            time.sleep(chance.uniform(0.05, 0.4))
            if killed < 6 and chance.random() < 0.4:
                victim = chance.randrange(len(some))
                os.killpg(some[victim].pid, signal.SIGKILL)
                some[victim].wait()
                some[victim] = begin(url, tmp_path / "vault")
                killed += 1
            with db.read() as conn:
                done = backfill.read(conn, number).state is BackfillState.DONE
            if len(new) == 20 and killed == 6 and done and not index.shelf.jobs("screen"):
                break
    assert killed == 6
    with db.read() as conn:
        ended = backfill.read(conn, number)
    assert (ended.state, ended.done, ended.total) == (BackfillState.DONE, 30, 30)
    assert {index.file(one).state for one in new} == {FileState.REJECTED}
    rows = index.rows(screening_run)
    keys = Counter((row.subject_kind, row.subject_id, row.check, row.version, row.rules) for row in rows)
    assert set(keys.values()) == {1}
    assert sorted(row.subject_id for row in rows if row.check == CHECK) == sorted(old + new), (
        "no run is lost, none is doubled"
    )
    assert Counter(row.file_id for row in index.rows(finding) if row.check == CHECK) == dict.fromkeys(old + new, 1)
    kinds = {check.name for check in discover() if check.subject is SubjectKind.FILE}
    assert {row.check for row in rows if row.subject_id in new} == kinds
    verdicts = Counter(row.file_id for row in index.rows(verdict))
    assert all(verdicts[file_id] == 1 for file_id in new), "one verdict for each upload"
    assert all(verdicts[file_id] == 2 for file_id in old), "the first one, and that of the backfill"
