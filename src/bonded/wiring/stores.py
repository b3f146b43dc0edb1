"""Where things are kept: the database, the stores, the queue, and what needs only those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bonded.db.address import is_address
from bonded.settings import Settings, SettingsError
from bonded.values.text import written

OTHER_KEY = (
    "this host's account.key_file is not the key that the secrets of this index are sealed with: copy the file from a host where API "
    "tokens work, or from a backup"
)

if TYPE_CHECKING:
    from bonded.accounts.sealing import Sealer
    from bonded.db.engine import Database
    from bonded.seams import Broker, Counter, Mailer, Queue, Storage
    from bonded.values.alarms import Alarm


def wall_clock() -> datetime:
    """The only place that reads the clock of the machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Stores:
    """Where one data directory keeps things, and the small services that need only that."""

    directory: Path
    settings: Settings
    clock: Callable[[], datetime] = wall_clock

    @cached_property
    def db(self) -> Database:
        """The database; commits wake the workers. Raises SettingsError."""
        from sqlalchemy.exc import ArgumentError

        from bonded.db.engine import open_database

        try:
            db = open_database(self.database_url, pool_size=self.settings.database.pool_size)
        except ImportError:
            raise SettingsError(
                '`database.url` is a PostgreSQL, whose driver is not installed: install "bonded[postgres]"'
            ) from None
        except (ArgumentError, ValueError):
            raise _no_address() from None
        db.on_commit(self.queue.wake)
        if self.broker is not None:
            db.on_commit(self.broker.send)
        return db

    @property
    def database_url(self) -> str:
        """The address of the database, with SQLite's path under the data directory. Raises SettingsError."""
        url = self.settings.database.url
        if not is_address(url):  # whoever tried it would tell of a host that is the end of the password
            raise _no_address()
        if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
            return f"sqlite:///{self.directory / url.removeprefix('sqlite:///')}"
        return url

    @cached_property
    def vault(self) -> Storage:
        """Every byte received; private."""
        return self._storage(self.settings.storage.vault, private=True)

    @cached_property
    def public(self) -> Storage:
        """What clients read."""
        return self._storage(self.settings.storage.public)

    def _storage(self, where: str, *, private: bool = False) -> Storage:
        if where.startswith("s3://"):
            try:
                from bonded.adapters.storage_s3 import S3Storage
            except ImportError:
                raise SettingsError(
                    f'`[storage]` names {where}, and what reads buckets is not installed: install "bonded[s3]"'
                ) from None

            s = self.settings.storage
            bucket, _, prefix = where.removeprefix("s3://").partition("/")
            return S3Storage(bucket, prefix, endpoint=s.s3_endpoint, region=s.s3_region, allow_http=s.s3_allow_http)
        from bonded.adapters.storage_files import FileStorage

        return FileStorage(self.directory / where, private=private)

    @cached_property
    def queue(self) -> Queue:
        """Wakes the workers of this machine."""
        return self.new_queue()

    def new_queue(self) -> Queue:
        """Another queue object, for another thread."""
        from bonded.adapters.queue_local import LocalQueue

        return LocalQueue(self.directory / "run" / "wake")

    @cached_property
    def broker(self) -> Broker | None:
        """Carries job numbers to workers on all machines; None where each machine looks for itself."""
        queue = self.settings.queue
        if queue.engine == "local":
            return None
        ca = self.directory / queue.broker_ca if queue.broker_ca else None
        if ca is not None and not ca.is_file():
            raise SettingsError(f"`queue.broker_ca` is {ca}, which is no file")
        try:
            from bonded.adapters.queue_celery import CeleryBroker
        except ImportError:
            raise SettingsError('`queue.engine` is celery, which is not installed: install "bonded[celery]"') from None
        return CeleryBroker(queue.broker, str(ca or ""))

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

        password = self._secret("mail.password_file", m.password_file) if m.password_file else ""
        return SmtpMailer(m.host, m.port, username=m.username, password=password, starttls=m.starttls, tls=m.tls)

    @cached_property
    def sealer(self) -> Sealer:
        """What seals the secrets of second factors. Raises SettingsError."""
        if not self.key_path.exists() and self._key_is_known():
            raise SettingsError(
                f"{self.key_path} (setting `account.key_file`) is not on this host, and the secrets of this index are sealed with "
                "it: copy it from a host that has it, or from a backup (lost for good: `bonded policy key --accept`)"
            )
        return self.new_sealer()

    def new_sealer(self) -> Sealer:
        """The same, the key being made where there is none, whatever the database knows. Raises SettingsError."""
        from bonded.accounts.sealing import Sealer, key_from

        try:
            return Sealer(key_from(self.key_path))
        except (OSError, ValueError) as error:
            raise SettingsError(f"`account.key_file` cannot be used: {error}") from None

    @property
    def key_path(self) -> Path:
        """Where the key that seals secrets is."""
        return self.directory / self.settings.account.key_file

    def _key_is_known(self) -> bool:
        """Whether some host made the key already; False while there is no database."""
        from sqlalchemy.exc import SQLAlchemyError

        from bonded.accounts.key_proof import known

        try:
            with self.db.read() as conn:
                return known(conn)
        except SQLAlchemyError:
            return False

    def faults(self) -> list[Alarm]:
        """What is wrong with this host that others cannot see. Hosts without the file (a publisher alone) need none."""
        from sqlalchemy.exc import SQLAlchemyError

        from bonded.accounts.key_proof import agrees
        from bonded.values.alarms import Alarm

        if not self.key_path.exists():
            return []
        try:
            with self.db.read() as conn:
                good = agrees(conn, self.sealer)
        except SQLAlchemyError:
            return []  # that the database is away is told elsewhere
        return [] if good else [Alarm("accounts-key", "accounts-key")]

    def _secret(self, key: str, path: str) -> str:
        """What the file holds that the setting `key` names. Raises SettingsError."""
        try:
            secret = written((self.directory / path).read_bytes()).strip()
        except (OSError, ValueError) as error:
            raise SettingsError(f"`{key}` cannot be read: {error}") from None
        if not secret or not secret.isascii() or not secret.isprintable():
            raise SettingsError(f"`{key}`: {path} does not hold one line of printable ASCII")
        return secret

    @cached_property
    def spool(self) -> Path:
        """Where uploads are received; on the vault's file system, so that accepting one is a link."""
        where = self.settings.storage.vault
        folder = self.directory / "run" if where.startswith("s3://") else (self.directory / where).parent / "run"
        spool = folder / "spool"
        spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        return spool

    @property
    def metrics_folder(self) -> Path:
        """Where the processes of this machine count."""
        return self.directory / "run" / "metrics"

    def forked(self) -> None:
        """Forget what must not be shared with the parent process. Call first in every child."""
        if "db" in self.__dict__:
            self.db.forked()

    def closed(self) -> None:
        """Close what is open. Call before forking."""
        if "db" in self.__dict__:
            self.db.close()


def _no_address() -> SettingsError:
    """Says nothing of what was read: it may be a part of the password."""
    return SettingsError(
        "`database.url` is no address such as postgresql://USER:PASSWORD@HOST:5432/NAME: "
        "write special characters of its password as %XX"
    )
