"""The data set of bench/publish.py: an index of any size, made once through the real code and kept under var/.

Every target has its row and is signed in its bin. Files of `POOL` projects also have their rows in the catalogue: only
those projects change, so only their pages are ever rendered. Bytes of old files are not made: nothing reads them.
"""

from __future__ import annotations

import fcntl
import hashlib
import random
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
from bonded.db.engine import Database, open_database
from bonded.tuf.context import Publisher, TufSettings
from bonded.tuf.layout import create_dev_repository
from bonded.tuf.publish import Result, publish
from bonded.tuf.roles import hash32
from bonded.tuf.tables import bin_table, page, target
from bonded.values.states import FileState
from bonded.values.text import new_id
from bonded.values.who import POLICY

FILES_PER_PROJECT = 22
"""As on PyPI in 2026: 15.7 million files in 0.7 million projects."""
POOL = 10_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FORMAT = 1
CHUNK = 20_000
OWNER = "0" * 26
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
        open_database(f"sqlite:///{where}/bonded.db"),
        FileStorage(where / "public"),
        FileStorage(where / "vault", private=True),
        FileSigner([key], where / "keys/signer-state.json"),
        FileLock(where / "publisher.lock"),
        TufSettings(refresh_slice=refresh_slice, base_url="http://localhost:8000/"),
        NoPurger(),
    )


def prepare(where: Path, targets: int, page_bins: int, bins: int) -> None:
    """Make the data set unless it is there; a half-made one is made again."""
    marker = where / "ready"
    wanted = f"{FORMAT} {targets} {page_bins} {bins} {_schema()}"
    if marker.exists() and marker.read_text() == wanted:
        migrate.upgrade(open_database(f"sqlite:///{where}/bonded.db"))
        return
    if where.exists():
        shutil.rmtree(where)
    where.mkdir(parents=True)
    p = publisher_of_new(where, page_bins, bins)
    say(f"rows of {targets} targets")
    _rows(p.db, targets)
    say("signing every bin")
    _sign_everything(p)
    marker.write_text(wanted)
    p.db.close()


def publisher_of_new(where: Path, page_bins: int, bins: int) -> Publisher:
    now = datetime.now(UTC)
    db = open_database(f"sqlite:///{where}/bonded.db")
    migrate.upgrade(db)
    with db.write() as tx:
        values = {"id": OWNER, "name": "bench", "name_key": "bench", "email": "bench@example.invalid"}
        tx.execute(insert(user).values(**values, state="active", is_admin=False, created_at=now))
    db.close()
    create_dev_repository(FileStorage(where / "public"), where / "keys", page_bins=page_bins, bins=bins, now=now)
    p = publisher(where, refresh_slice=2048)
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
        row = _file_row(project_id, release_id, filename, hashlib.sha256(data).hexdigest(), size, now)
        row |= {"metadata_sha256": hashlib.sha256(METADATA).hexdigest(), "metadata_size": len(METADATA)}
        p.vault.create(row["vault_key"], data)
        p.vault.create(row["vault_key"] + ".metadata", METADATA)
        releases.append(_release_row(release_id, project_id, version, now))
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


def _rows(db: Database, targets: int) -> None:
    rng, now = random.Random(1), datetime.now(UTC)
    signed: list[dict[str, Any]] = []
    for start in range(0, max(1, targets // FILES_PER_PROJECT), 2000):
        projects, releases, files, pages = [], [], [], []
        for i in range(start, min(start + 2000, max(1, targets // FILES_PER_PROJECT))):
            key, project_id = f"project-{i:07d}", new_id()
            projects.append(_project_row(project_id, key, now))
            release_id = new_id()
            releases.append(_release_row(release_id, project_id, "1.0", now))
            for j in range(FILES_PER_PROJECT):
                filename = f"project_{i:07d}-1.{j}-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
                sha256, size = rng.randbytes(32).hex(), rng.randrange(2000, 9_000_000)
                signed.append(_target_row(f"packages/{key}/{filename}", sha256, size))
                if i < POOL:
                    files.append(_file_row(project_id, release_id, filename, sha256, size, now))
            html, json = rng.randbytes(32).hex(), rng.randbytes(32).hex()
            pages.append({"project_key": key, "n": 1, "html_sha256": html, "json_sha256": json, "plain_n": 1})
            signed.append(_target_row(f"simple/{key}/index.html", html, 6000))
            signed.append(_target_row(f"simple/{key}/index.json", json, 9000))
        with db.write() as tx:
            tx.execute(insert(project), projects)
            tx.execute(insert(release), releases)
            tx.execute(insert(page), pages)
            if files:
                tx.execute(insert(file), files)
    signed.sort(key=lambda row: (row["hash32"], row["path"]))
    for start in range(0, len(signed), CHUNK):
        with db.write() as tx:
            tx.execute(insert(target), signed[start : start + CHUNK])


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


def _project_row(project_id: str, key: str, now: datetime) -> dict[str, Any]:
    return {
        "id": project_id,
        "key": key,
        "name": key,
        "status": "active",
        "status_reason": "",
        "deleted": False,
        "last_journal_id": 0,
        "created_at": now,
    }


def _release_row(release_id: str, project_id: str, version: str, now: datetime) -> dict[str, Any]:
    fields = {"name": "x", "version": version, "metadata_version": "2.1", "summary": "a file of the benchmark"}
    return {"id": release_id, "project_id": project_id, "version": version, "metadata": fields, "created_at": now}


def _file_row(project_id: str, release_id: str, filename: str, sha256: str, size: int, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "project_id": project_id,
        "release_id": release_id,
        "filename": filename,
        "packagetype": "bdist_wheel",
        "python_version": "cp312",
        "requires_python": ">=3.9",
        "size": size,
        "md5": sha256[:32],
        "sha256": sha256,
        "blake2_256": sha256,
        "vault_key": f"{sha256}.{new_id()}",
        "metadata_sha256": sha256,
        "metadata_size": 2000,
        "state": FileState.PUBLIC,
        "state_reason": "",
        "state_at": now,
        "holds_name": True,
        "burnt": True,
        "listed": True,
        "yanked": False,
        "yanked_reason": "",
        "uploaded_at": now,
        "uploader_id": OWNER,
        "token_id": "",
    }


def _target_row(path: str, sha256: str, length: int) -> dict[str, Any]:
    return {"hash32": hash32(path), "path": path, "sha256": sha256, "length": length}
