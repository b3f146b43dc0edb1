"""The data set of bench/publish.py: an index of any size, made once through the real code and kept under var/.

Every target has its row and is signed in its bin. Files of `POOL` projects also have their rows in the catalogue: only
those projects change, and only their pages are there. Bytes of old files are not made: nothing reads them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import orjson
from bench.publish_rows import OWNER, POOL, file_row, make_rows, release_row
from securesystemslib.signer import CryptoSigner  # noqa: F401 - the signer's module is loaded before anything is timed
from sqlalchemy import func, insert, select, update

from bonded.accounts.tables import user
from bonded.adapters.lock_file import FileLock
from bonded.adapters.purger_none import NoPurger
from bonded.adapters.signer_file import FileSigner, load_key
from bonded.adapters.storage_files import FileStorage
from bonded.catalog import change
from bonded.catalog.tables import file, project, release
from bonded.db import migrate
from bonded.db.engine import open_database
from bonded.db.worker import work_once
from bonded.journal.record import record
from bonded.tuf import pages, plain
from bonded.tuf.context import Publisher, TufSettings
from bonded.tuf.layout import create_dev_repository
from bonded.tuf.publish import Result, publish
from bonded.tuf.tables import bin_table
from bonded.values.states import FileState, SubjectKind
from bonded.values.text import new_id
from bonded.values.who import OPERATOR, POLICY

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FORMAT = 2
HANDS = min(4, len(os.sched_getaffinity(0))) - 1
"""Processes beside the publisher, as settings have it by default."""
METADATA = b"Metadata-Version: 2.1\nName: x\nVersion: 1.0\nSummary: a file of the benchmark\n" + b"Classifier: x\n" * 40


@contextmanager
def alone(where: Path) -> Iterator[None]:
    """Only one run at a time uses a data set; another waits."""
    where.parent.mkdir(parents=True, exist_ok=True)
    with where.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def publisher(where: Path, *, refresh_slice: int) -> Publisher:
    """The publisher of a data set, as a fresh process has it."""
    key = load_key(where / "keys/online.pem", (where / "keys/passphrase").read_text().strip().encode())
    return Publisher(
        open_database(database(where)),
        FileStorage(where / "public"),
        FileStorage(where / "vault", private=True),
        FileSigner([key], where / "keys/signer-state.json"),
        FileLock(where / "publisher.lock"),
        TufSettings(refresh_slice=refresh_slice, base_url="http://localhost:8000/", hands=HANDS),
        NoPurger(),
    )


def database(where: Path) -> str:
    """The address of a data set's database: its own file unless another was given when it was made."""
    given = where / "database"
    return given.read_text() if given.exists() else f"sqlite:///{where}/bonded.db"


def prepare(where: Path, targets: int, page_bins: int, bins: int, url: str = "") -> None:
    """Make the data set unless it is there; a half-made one is made again. `url` is of an empty PostgreSQL, "" for SQLite."""
    marker = where / "ready"
    wanted = f"{FORMAT} {targets} {page_bins} {bins} {_schema()} {url}".rstrip()
    if marker.exists() and marker.read_text() == wanted:
        migrate.upgrade(open_database(database(where)))
        _repage(where)
        return
    if where.exists():
        shutil.rmtree(where)
    where.mkdir(parents=True)
    if url:
        (where / "database").write_text(url)
    p = publisher_of_new(where, page_bins, bins)
    say(f"rows of {targets} targets")
    make_rows(p, where, targets, datetime.now(UTC))
    say("signing every bin")
    _sign_everything(p)
    marker.write_text(wanted)
    p.db.close()


def _repage(where: Path) -> None:
    """Pages that were written by code that wrote them otherwise are rendered anew: publications splice only their own."""
    p, now = publisher(where, refresh_slice=512), datetime.now(UTC)
    with p.db.read() as conn:
        keys = list(conn.execute(select(project.c.key, project.c.id).order_by(project.c.key).limit(POOL)))
    newest = p.public.read(f"simple/{keys[-1].key}/index.json")
    if orjson.loads(newest)["meta"].get("_format") != pages.FORMAT:
        say("pages as they are written today")
        with p.db.write() as tx:
            for key, project_id in keys:
                record(tx, "project.render", OPERATOR, (SubjectKind.PROJECT, project_id), now=now, project=key)
        while publish(p, datetime.now(UTC)).result is Result.PUBLISHED:
            pass
        while work_once(p.db, {"plain": partial(plain.handle, p)}, lambda: datetime.now(UTC)):
            pass
    p.db.close()


def publisher_of_new(where: Path, page_bins: int, bins: int) -> Publisher:
    now = datetime.now(UTC)
    db = open_database(database(where))
    migrate.upgrade(db)
    with db.write() as tx:
        values = {"id": OWNER, "name": "bench", "name_key": "bench", "email": "bench@example.invalid"}
        tx.execute(insert(user).values(**values, state="active", is_admin=False, created_at=now))
    db.close()
    create_dev_repository(FileStorage(where / "public"), where / "keys", page_bins=page_bins, bins=bins, now=now)
    p = publisher(where, refresh_slice=512)
    publish(p, now)  # adopts the first publication
    return p


def add_versions(p: Publisher, count: int, size: int, rng: random.Random) -> None:
    """One new release of `count` projects, received, screened and made public: everything but published."""
    now = datetime.now(UTC)
    with p.db.read() as conn:
        ids = list(conn.execute(select(project.c.id, project.c.key).order_by(project.c.key).limit(POOL)))
    chosen = rng.sample(ids, count)
    version = f"2.{int(now.timestamp() * 1000)}"
    releases, files = [], []
    for project_id, key in chosen:
        release_id, filename = new_id(), f"{key.replace('-', '_')}-{version}-py3-none-any.whl"
        data = rng.randbytes(size)
        row = file_row(project_id, release_id, filename, hashlib.sha256(data).hexdigest(), size, now)
        row |= {"metadata_sha256": hashlib.sha256(METADATA).hexdigest(), "metadata_size": len(METADATA)}
        p.vault.create(row["vault_key"], data)
        p.vault.create(row["vault_key"] + ".metadata", METADATA)
        releases.append(release_row(release_id, project_id, version, now))
        files.append(row | {"state": FileState.RECEIVED, "burnt": False, "listed": False})
    p.vault.barrier()
    with p.db.write() as tx:
        tx.execute(insert(release), releases)
        tx.execute(insert(file), files)
        for row in files:
            change.move_file(tx, "file.publish", POLICY, row["id"], FileState.PUBLIC, reason="", now=now)


def say(words: str) -> None:
    """Progress on standard error."""
    print(words, file=sys.stderr, flush=True)


def _schema() -> str:
    """The schema that a data set begins with: later migrations bring it up to date."""
    versions = Path(migrate.__file__).parent / "migrations/versions"
    return hashlib.sha256(b"".join(p.read_bytes() for p in sorted(versions.glob("0001_*.py")))).hexdigest()[:16]


def _sign_everything(p: Publisher) -> None:
    """Every bin from its rows, by the publisher's own renewal."""
    with p.db.write() as tx:
        tx.execute(update(bin_table).values(expires=EPOCH))
    while publish(p, datetime.now(UTC)).result is Result.PUBLISHED:
        with p.db.read() as conn:
            left = conn.execute(select(func.count()).where(bin_table.c.expires == EPOCH)).scalar_one()
        say(f"  {left} bins left")
        if not left:
            return
