"""A whole small index for tests: real stores, a real database, development keys, and files made up on the spot."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]
from sqlalchemy import insert, select

from bonded.accounts.tables import user
from bonded.adapters.lock_file import FileLock
from bonded.adapters.purger_recording import RecordingPurger
from bonded.adapters.signer_file import FileSigner, load_key
from bonded.adapters.storage_files import FileStorage
from bonded.catalog import change, read
from bonded.catalog.tables import file, release
from bonded.db.engine import Database
from bonded.db.worker import work_once
from bonded.seams import Storage
from bonded.tuf import document_jobs, pack_jobs, plain, purge, takedown
from bonded.tuf.context import Publisher, TufSettings
from bonded.tuf.layout import create_dev_repository
from bonded.tuf.publish import publish
from bonded.values.states import FileState
from bonded.values.text import new_id
from bonded.values.who import OPERATOR, POLICY

METADATA = b"Metadata-Version: 2.1\nName: x\nVersion: 1\n"


@dataclass
class Index:
    """Everything on one folder, the public store in `bucket` and the vault in `safe` where they are given. `now` is the index's
    clock: move it with `wait`."""

    folder: Path
    db: Database
    now: datetime
    settings: TufSettings = field(default_factory=lambda: TufSettings(base_url="http://localhost:8000/"))
    owner: str = field(default_factory=new_id)
    bucket: Storage | None = None
    safe: Storage | None = None

    def __post_init__(self) -> None:
        self.public = self.bucket or FileStorage(self.folder / "public")
        self.vault = self.safe or FileStorage(self.folder / "vault", private=True)
        keys = self.folder / "keys"
        if not (keys / "root.json").exists():
            create_dev_repository(self.public, keys, page_bins=4, bins=4, now=self.now)
            self.add_owner()
        self.root = (keys / "root.json").read_bytes()
        self.purger = RecordingPurger(self.folder / "purged")
        self.publisher = self.new_publisher()

    def add_owner(self) -> None:
        """The person who owns every project."""
        values = {"id": self.owner, "name": "anna", "name_key": "anna", "email": "anna@example.invalid"}
        with self.db.write() as tx:
            tx.execute(insert(user).values(**values, state="active", is_admin=False, created_at=self.now))

    def new_publisher(self) -> Publisher:
        """As after a restart of the process."""
        return Publisher(
            self.db,
            self.public,
            self.vault,
            FileSigner([self.key()], self.folder / "keys/signer-state.json"),
            FileLock(self.folder / "publisher.lock"),
            self.settings,
            self.purger,
        )

    def key(self) -> CryptoSigner:
        passphrase = (self.folder / "keys/passphrase").read_text().strip().encode()
        return load_key(self.folder / "keys/online.pem", passphrase)

    def wait(self, **span: float) -> datetime:
        """Let time pass."""
        self.now += timedelta(**span)
        return self.now

    def upload(self, project: str, version: str = "1.0", *, public: bool = True, data: bytes | None = None) -> str:
        """A wheel of `project`, public unless said otherwise (not yet published); returns its file id."""
        filename = f"{project.replace('-', '_')}-{version}-py3-none-any.whl"
        data = data or f"bytes of {filename}".encode()
        sha256 = hashlib.sha256(data).hexdigest()
        vault_key = f"{sha256}.{new_id()}"
        self.vault.create(vault_key, data)
        self.vault.create(f"{vault_key}.metadata", METADATA)
        self.vault.create(f"{vault_key}.facts.json", b"{}")
        self.vault.barrier()
        with self.db.write() as tx:
            known = read.project(tx, project)
            made = known or change.create_project(tx, OPERATOR, project, owner_id=self.owner, now=self.now)
            row = read.release(tx, made.id, version)
            release_id = row.id if row else new_id()
            if row is None:
                fields = {"name": project, "version": version, "metadata_version": "2.1"}
                values = {"id": release_id, "project_id": made.id, "version": version, "metadata": fields}
                tx.execute(insert(release).values(**values, created_at=self.now))
            file_id = new_id()
            tx.execute(
                insert(file).values(
                    id=file_id,
                    project_id=made.id,
                    release_id=release_id,
                    filename=filename,
                    packagetype="bdist_wheel",
                    python_version="py3",
                    size=len(data),
                    md5=hashlib.md5(data).hexdigest(),
                    sha256=sha256,
                    blake2_256=hashlib.blake2b(data, digest_size=32).hexdigest(),
                    vault_key=vault_key,
                    metadata_sha256=hashlib.sha256(METADATA).hexdigest(),
                    metadata_size=len(METADATA),
                    state=FileState.RECEIVED,
                    state_at=self.now,
                    holds_name=True,
                    uploaded_at=self.now,
                    uploader_id=self.owner,
                    token_id="",
                )
            )
            state, action = (FileState.PUBLIC, "file.publish") if public else (FileState.HELD, "file.hold")
            change.move_file(tx, action, POLICY, file_id, state, reason="", now=self.now)
        return file_id

    def move(self, action: str, file_id: str, state: FileState, reason: str = "because") -> None:
        with self.db.write() as tx:
            change.move_file(tx, action, OPERATOR, file_id, state, reason=reason, now=self.now)

    def publish(self) -> None:
        """One publication, or more until nothing waits."""
        publish(self.publisher, self.now)

    def work(self, *queues: str) -> int:
        """Run every job that is due now; returns how many."""
        p = self.publisher
        handlers = {
            "plain": lambda job, now: plain.handle(p, job, now),
            "documents": lambda job, now: document_jobs.handle(p, job, now),
            "takedown": lambda job, now: takedown.handle(p, job, now),
            "purge": lambda job, now: purge.handle(p, job, now),
            "pack": lambda job, now: pack_jobs.handle(p, job, now),
        }
        wanted = {name: handler for name, handler in handlers.items() if not queues or name in queues}
        count = 0
        while work_once(self.db, wanted, lambda: self.now):
            count += 1
        return count

    def settle_everything(self) -> None:
        """Publish and run all jobs that are due."""
        self.publish()
        self.work()

    def filename(self, file_id: str) -> str:
        with self.db.read() as conn:
            return str(conn.execute(select(file.c.filename).where(file.c.id == file_id)).scalar_one())

    def purged(self) -> list[str]:
        """Every surrogate key that was purged, in order."""
        return self.purger.keys()

    def path(self, name: str) -> Path:
        """The file behind an object of the public store."""
        return self.folder / "public" / name
