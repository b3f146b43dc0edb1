"""The only file that picks adapters and passes settings: from a data directory to everything that runs on it.

`House` makes each part when it is first asked for, so a command pays only for what it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bonded.settings import Settings, load

if TYPE_CHECKING:
    from bonded.db.engine import Database
    from bonded.seams import Counter, Mailer, Purger, Queue, Sandbox, Signer, Storage
    from bonded.tuf.context import Publisher


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

    def forked(self) -> None:
        """Forget what must not be shared with the parent process."""
        if "db" in self.__dict__:
            self.db.forked()


def open_house(directory: Path) -> House:
    """The House of an existing data directory. Raises SettingsError."""
    directory = directory.absolute()
    return House(directory, load(directory))
