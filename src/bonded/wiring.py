"""The only file that picks adapters and passes settings: from a data directory to everything that runs on it.

`House` makes each part when it is first asked for, so a command pays only for what it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bonded.settings import Settings, SettingsError, load
from bonded.values.states import Mode

if TYPE_CHECKING:
    from bonded.db.engine import Database
    from bonded.seams import Counter, Lock, Mailer, Purger, Queue, Sandbox, Signer, Storage
    from bonded.tuf.context import Publisher, TufSettings
    from bonded.upload.accept import UploadContext
    from bonded.upload.limits import UploadLimits
    from bonded.upload.receive import Receiver


def wall_clock() -> datetime:
    """The only place that reads the clock of the machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class House:
    """Everything that runs on one data directory. One per process: call `forked()` first in every child."""

    directory: Path
    settings: Settings
    clock: Callable[[], datetime] = wall_clock

    @cached_property
    def db(self) -> Database:
        """The database; commits wake the workers."""
        from bonded.db.engine import open_database

        db = open_database(self.database_url, pool_size=self.settings.database.pool_size)
        db.on_commit(self.queue.wake)
        return db

    @property
    def database_url(self) -> str:
        """The address of the database, with SQLite's path under the data directory."""
        url = self.settings.database.url
        if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
            return f"sqlite:///{self.directory / url.removeprefix('sqlite:///')}"
        return url

    @cached_property
    def vault(self) -> Storage:
        """Every byte received; private."""
        return self._storage(self.settings.storage.vault)

    @cached_property
    def public(self) -> Storage:
        """What clients read."""
        return self._storage(self.settings.storage.public)

    def _storage(self, where: str) -> Storage:
        if where.startswith("s3://"):
            from bonded.adapters.storage_s3 import S3Storage

            s = self.settings.storage
            bucket, _, prefix = where.removeprefix("s3://").partition("/")
            return S3Storage(bucket, prefix, endpoint=s.s3_endpoint, region=s.s3_region, allow_http=s.s3_allow_http)
        from bonded.adapters.storage_files import FileStorage

        return FileStorage(self.directory / where)

    @cached_property
    def queue(self) -> Queue:
        """Wakes the workers of this machine."""
        return self.new_queue()

    def new_queue(self) -> Queue:
        """Another queue object, for another thread."""
        from bonded.adapters.queue_local import LocalQueue

        return LocalQueue(self.directory / "run" / "wake")

    @cached_property
    def signer(self) -> Signer:
        """The online key. Only publishing processes ask for it; the web processes never do."""
        from bonded.adapters.signer_file import FileSigner, load_key

        s = self.settings.signer
        try:
            passphrase = (self.directory / s.passphrase_file).read_text("utf-8").strip().encode()
        except OSError as error:
            raise SettingsError(f"`signer.passphrase_file` cannot be read: {error}") from None
        return FileSigner([load_key(self.directory / s.key, passphrase)], self.directory / s.state)

    @cached_property
    def purger(self) -> Purger:
        """What clears caches in front of the public store."""
        from bonded.adapters.purger_none import NoPurger

        return NoPurger()

    @cached_property
    def lock(self) -> Lock:
        """The publisher's lock: of this host, and of the database where several hosts share one."""
        if self.db.dialect == "postgresql":
            from bonded.adapters.lock_postgres import PostgresLock

            return PostgresLock(self.database_url)
        from bonded.adapters.lock_file import FileLock

        return FileLock(self.directory / "run" / "publisher.lock")

    @cached_property
    def publisher(self) -> Publisher:
        """What every publishing step works with."""
        from bonded.tuf.context import Publisher

        return Publisher(self.db, self.public, self.vault, self.signer, self.lock, self.tuf_settings, self.purger)

    @cached_property
    def keeper(self) -> Publisher:
        """The same for jobs that withdraw and copy but never sign: its signer refuses, so workers hold no key."""
        from bonded.adapters.signer_none import NoSigner
        from bonded.tuf.context import Publisher

        return Publisher(self.db, self.public, self.vault, NoSigner(), self.lock, self.tuf_settings, self.purger)

    @property
    def tuf_settings(self) -> TufSettings:
        """Lifetimes and rhythm of publishing."""
        from bonded.tuf.context import TufSettings

        t = self.settings.tuf
        return TufSettings(
            lifetime=t.lifetime(),
            min_interval=timedelta(seconds=t.min_interval),
            max_batch=t.max_batch,
            page_ttl=timedelta(seconds=t.page_ttl),
            sweep_grace=timedelta(seconds=t.sweep_grace),
            base_url=self.settings.url.rstrip("/") + "/",
        )

    @cached_property
    def counter(self) -> Counter:
        """Rate limits, over all processes."""
        from bonded.adapters.counter_sql import SqlCounter

        return SqlCounter(self.db)

    @cached_property
    def mailer(self) -> Mailer:
        """Sends mail by SMTP, or writes it to a folder."""
        m = self.settings.mail
        if m.transport == "file":
            from bonded.adapters.mailer_file import FileMailer

            return FileMailer(self.directory / m.folder)
        from bonded.adapters.mailer_smtp import SmtpMailer

        password = (self.directory / m.password_file).read_text().strip() if m.password_file else ""
        return SmtpMailer(m.host, m.port, username=m.username, password=password, starttls=m.starttls)

    @cached_property
    def sandbox(self) -> Sandbox:
        """The strictest isolation that works here, or the one that was asked for."""
        from bonded.adapters.sandbox_pick import pick

        return pick(self.settings.screening.sandbox)

    @property
    def spool(self) -> Path:
        """Where uploads are received; on the vault's file system, so that accepting one is a link."""
        where = self.settings.storage.vault
        folder = self.directory / "run" if where.startswith("s3://") else (self.directory / where).parent / "run"
        return folder / "spool"

    @cached_property
    def upload(self) -> UploadContext:
        """What accepting an upload works with."""
        from bonded.upload.accept import UploadContext

        return UploadContext(self.db, self.vault, self.limits, Mode(self.settings.screening.mode))

    @property
    def limits(self) -> UploadLimits:
        """Caps and policies of uploads."""
        from bonded.upload.limits import UploadLimits

        u = self.settings.upload
        return UploadLimits(
            max_file_bytes=u.max_file_bytes,
            max_form_bytes=u.max_form_bytes,
            linux_tags=u.linux_tags,
            local_versions=u.local_versions,
        )

    def new_receiver(self, content_type: str) -> Receiver:
        """A receiver for one upload. Raises Refusal."""
        from bonded.upload.receive import Receiver

        return Receiver(self.limits, self.spool, content_type)

    def forked(self) -> None:
        """Forget what must not be shared with the parent process."""
        if "db" in self.__dict__:
            self.db.forked()


def open_house(directory: Path) -> House:
    """The House of an existing data directory. Raises SettingsError."""
    directory = directory.absolute()
    return House(directory, load(directory))
