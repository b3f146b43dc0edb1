"""An index with files to screen, without the upload room and without a server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Table, select

from bonded.adapters.storage_files import FileStorage
from bonded.catalog import change, read
from bonded.db.engine import Database
from bonded.db.jobs import enqueue
from bonded.db.worker import work_once
from bonded.screening.backfill_part import run_part
from bonded.screening.job import screen
from bonded.screening.policy import Policy
from bonded.screening.settings import ScreeningContext, ScreeningSettings
from bonded.values.states import FileState, Mode
from bonded.values.who import POLICY
from tests.catalog.conftest import Shelf
from tests.screening.conftest import PLAIN, wheel

S = FileState


@dataclass
class Index:
    """An index with files to screen."""

    shelf: Shelf
    vault: FileStorage
    sandbox: Any
    mode: Mode = Mode.HOLD
    people: list[Any] = field(default_factory=list)
    policy: Policy = field(default_factory=Policy)

    @property
    def db(self) -> Database:
        return self.shelf.db

    @property
    def now(self) -> datetime:
        return self.shelf.now

    def upload(self, name: str, source: str = PLAIN, version: str = "1.0") -> str:
        """A file, received (in watch mode public) and waiting for its screening."""
        data = wheel(source, name.replace("-", "_"), version)
        with self.db.read() as conn:
            project = read.project(conn, name)
        project = project or self.shelf.project(name, self._owner())
        sha256 = hashlib.sha256(data).hexdigest()
        file_id = self.shelf.file(
            project, version, sha256=sha256, vault_key=f"{sha256}.{name}.{version}", size=len(data)
        )
        self.vault.create(f"{sha256}.{name}.{version}", data)
        with self.db.write() as tx:
            if self.mode is Mode.WATCH:
                change.move_file(tx, "file.publish", POLICY, file_id, S.PUBLIC, reason="", now=self.now)
            enqueue(tx, "screen", f"screen:{file_id}", {"file_id": file_id}, now=self.now)
        return file_id

    def _owner(self) -> Any:
        if not self.people:
            self.people.append(self.shelf.person("ann"))
        return self.people[0]

    @property
    def context(self) -> ScreeningContext:
        return ScreeningContext(
            self.db, self.vault, self.sandbox, ScreeningSettings(mode=self.mode, policy=self.policy)
        )

    def work(self) -> None:
        """Run all screening jobs."""
        while work_once(self.db, {"screen": partial(screen, self.context)}, lambda: self.now):
            pass

    def backfill(self) -> None:
        """Run all parts of backfills."""
        while work_once(self.db, {"backfill": partial(run_part, self.context)}, lambda: self.now):
            pass

    def again(self, file_id: str) -> None:
        with self.db.write() as tx:
            enqueue(tx, "screen", f"screen:{file_id}", {"file_id": file_id}, now=self.now)
        self.work()

    def screened(self, name: str, source: str = PLAIN, version: str = "1.0") -> read.File:
        file_id = self.upload(name, source, version)
        self.work()
        return self.file(file_id)

    def file(self, file_id: str) -> read.File:
        with self.db.read() as conn:
            found = read.file(conn, file_id)
        assert found is not None
        return found

    def rows(self, table: Table) -> list[Any]:
        """All rows, in the order of their keys: without, PostgreSQL gives one that was changed, or took a free place, elsewhere."""
        with self.db.read() as conn:
            return list(conn.execute(select(table).order_by(*table.primary_key)).all())

    def ask(self, question: Callable[[Connection], Any]) -> Any:
        with self.db.read() as conn:
            return question(conn)
