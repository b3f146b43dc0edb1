"""A whole small index for tests of publishing: real files, a real database, a real signer; and clients that look at it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from sqlalchemy import func, insert, select
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

from bonded.accounts.tables import user as user_account
from bonded.adapters.lock_file import FileLock
from bonded.adapters.purger_recording import RecordingPurger
from bonded.adapters.signer_file import FileSigner, load_key
from bonded.adapters.storage_files import FileStorage
from bonded.catalog.change import create_project, delete_file, move_file, unyank, yank
from bonded.catalog.read import project as read_project
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import release as release_table
from bonded.db.engine import Database
from bonded.journal.tables import to_publish
from bonded.seams import Storage
from bonded.tuf.context import Memory, Publisher, TufSettings
from bonded.tuf.layout import create_dev_repository
from bonded.tuf.publish import Outcome, Result, publish
from bonded.values.states import FileState, PackageType
from bonded.values.text import new_id
from bonded.values.who import OPERATOR, POLICY

HOUR = timedelta(hours=1)
METADATA = b"Metadata-Version: 2.1\n"


@dataclass
class World:
    """One index under `folder`. `now` is the clock; every publisher made is a new process as far as memory goes."""

    db: Database
    folder: Path
    now: datetime
    settings: TufSettings = field(default_factory=TufSettings)
    user_id: str = ""

    @classmethod
    def make(cls, db: Database, folder: Path, now: datetime, *, page_bins: int = 4, bins: int = 4) -> World:
        world = cls(db, folder, now)
        create_dev_repository(world.public, world.folder / "keys", page_bins=page_bins, bins=bins, now=now)
        with db.write() as tx:
            world.user_id = _user(tx, now)
        return world

    @property
    def public(self) -> FileStorage:
        return FileStorage(self.folder / "public")

    @property
    def vault(self) -> FileStorage:
        return FileStorage(self.folder / "vault", private=True)

    @property
    def purger(self) -> RecordingPurger:
        return RecordingPurger(self.folder / "purged")

    def online_key(self) -> CryptoSigner:
        secret = (self.folder / "keys/passphrase").read_text().strip().encode()
        return load_key(self.folder / "keys/online.pem", secret)

    def publisher(self, **parts: Any) -> Publisher:
        """A publisher process that has just started."""
        own: dict[str, Any] = {
            "db": self.db,
            "public": self.public,
            "vault": self.vault,
            "signer": FileSigner([self.online_key()], self.folder / "keys/signer-state.json"),
            "lock": FileLock(self.folder / "run/publisher.lock"),
            "settings": self.settings,
            "purger": self.purger,
            "memory": Memory(),
        }
        return Publisher(**(own | parts))

    def publish(self, p: Publisher | None = None) -> Outcome:
        """Publish until nothing waits; returns the last outcome that published something, else the last."""
        p = p or self.publisher()
        kept: Outcome | None = None
        try:
            for _ in range(20):
                outcome = publish(p, self.now)
                if outcome.result is Result.PUBLISHED:
                    kept = outcome
                if outcome.result in (Result.NOTHING, Result.BUSY):
                    return kept or outcome
            raise AssertionError("it never ends")
        finally:
            if isinstance(p.lock, FileLock):
                p.lock.release()

    def upload(
        self, key: str, filename: str, data: bytes = b"", *, release: bool = True, metadata: bytes = METADATA
    ) -> str:
        """A file of project `key`, public unless not released; returns its id. It is acknowledged when this returns."""
        data = data or f"bytes of {filename}".encode()
        sha256 = hashlib.sha256(data).hexdigest()
        file_id = new_id()
        vault_key = f"{sha256}.{file_id}"
        self.vault.create(vault_key, data)
        self.vault.create(f"{vault_key}.metadata", metadata)
        with self.db.write() as tx:
            project = read_project(tx, key) or create_project(tx, OPERATOR, key, owner_id=self.user_id, now=self.now)
            values = _file(tx, project.id, filename, data, vault_key, self.now)
            values |= {"metadata_sha256": hashlib.sha256(metadata).hexdigest(), "metadata_size": len(metadata)}
            tx.execute(insert(file_table).values(id=file_id, uploader_id=self.user_id, **values))
            if release:
                move_file(tx, "file.publish", POLICY, file_id, FileState.PUBLIC, reason="", now=self.now)
        return file_id

    def move(self, file_id: str, action: str, state: FileState) -> None:
        with self.db.write() as tx:
            move_file(tx, action, OPERATOR, file_id, state, reason="because", now=self.now)

    def yank(self, file_id: str, reason: str) -> None:
        with self.db.write() as tx:
            yank(tx, OPERATOR, file_id, reason=reason, now=self.now)

    def unyank(self, file_id: str) -> None:
        with self.db.write() as tx:
            unyank(tx, OPERATOR, file_id, reason="", now=self.now)

    def delete(self, file_id: str) -> None:
        with self.db.write() as tx:
            delete_file(tx, OPERATOR, file_id, reason="", now=self.now)

    def waiting(self) -> int:
        with self.db.read() as conn:
            return conn.execute(select(func.count()).select_from(to_publish)).scalar_one()

    def client(self, name: str = "fresh") -> Client:
        """A python-tuf client; one name keeps its local metadata between calls."""
        return Client(
            self.public, self.folder / "clients" / name, (self.folder / "keys/root.json").read_bytes(), self.now
        )


class StoreFetcher(FetcherInterface):
    """python-tuf reading straight from a store."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def _fetch(self, url: str):
        name = url.removeprefix("http://store.invalid/")
        if not self._store.exists(name):
            raise DownloadHTTPError(name, 404)
        return iter([self._store.get(name).data])


class Client:
    """python-tuf's ngclient over the public store, with a clock of ours."""

    def __init__(self, store: Storage, folder: Path, root: bytes, now: datetime) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "got").mkdir(exist_ok=True)
        base = "http://store.invalid/"
        bootstrap = None if (folder / "root.json").exists() else root
        self.updater = Updater(
            str(folder), f"{base}metadata/", str(folder / "got"), base, StoreFetcher(store), bootstrap=bootstrap
        )
        self.updater._trusted_set.reference_time = now
        self.updater.refresh()

    @property
    def versions(self) -> tuple[int, int]:
        trusted = self.updater._trusted_set
        return trusted.timestamp.version, trusted.snapshot.version

    def get(self, path: str) -> bytes | None:
        """The verified bytes of a target, None when the repository does not list it."""
        info = self.updater.get_targetinfo(path)
        if info is None:
            return None
        return Path(self.updater.download_target(info)).read_bytes()


def _user(tx: Any, now: datetime) -> str:
    user_id = new_id()
    values: dict[str, Any] = {"id": user_id, "name": "ada", "email": "ada@example.invalid", "state": "active"}
    for column in user_account.columns:
        if column.name not in values and not column.nullable and column.default is None:
            values[column.name] = now if column.name.endswith("_at") else False
    tx.execute(insert(user_account).values(values))
    return user_id


def _file(tx: Any, project_id: str, filename: str, data: bytes, vault_key: str, now: datetime) -> dict[str, Any]:
    version = filename.split("-")[1].removesuffix(".tar.gz")
    found = tx.execute(
        select(release_table.c.id).where(release_table.c.project_id == project_id, release_table.c.version == version)
    ).scalar_one_or_none()
    if found is None:
        found = new_id()
        metadata = {"name": filename.split("-")[0], "version": version}
        tx.execute(
            insert(release_table).values(
                id=found, project_id=project_id, version=version, metadata=metadata, created_at=now
            )
        )
    wheel = filename.endswith(".whl")
    return {
        "project_id": project_id,
        "release_id": found,
        "filename": filename,
        "packagetype": PackageType.WHEEL if wheel else PackageType.SDIST,
        "python_version": "py3" if wheel else "source",
        "requires_python": ">=3.9",
        "size": len(data),
        "md5": hashlib.md5(data).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "blake2_256": hashlib.blake2b(data, digest_size=32).hexdigest(),
        "vault_key": vault_key,
        "state": FileState.RECEIVED,
        "state_at": now,
        "holds_name": True,
        "uploaded_at": now,
        "token_id": "",
    }
