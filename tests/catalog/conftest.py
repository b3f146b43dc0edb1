"""A catalogue with a project, an owner and files in it, made without the upload room."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pytest
from sqlalchemy import insert, select

from bonded.accounts import people
from bonded.accounts.people import User
from bonded.catalog import change, read
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import release as release_table
from bonded.db.engine import Database
from bonded.db.jobs import job
from bonded.journal.tables import journal, to_publish
from bonded.values.states import FileState, PackageType
from bonded.values.text import new_id
from bonded.values.who import OPERATOR, POLICY


@dataclass
class Shelf:
    """A database with short ways to fill it and to look into it."""

    db: Database
    now: datetime
    count: int = field(default=0)

    def person(self, name: str) -> User:
        with self.db.write() as tx:
            return people.create(tx, OPERATOR, name, f"{name}@example.invalid", is_admin=False, now=self.now)

    def project(self, name: str, owner: User) -> read.Project:
        with self.db.write() as tx:
            return change.create_project(tx, OPERATOR, name, owner_id=owner.id, now=self.now)

    def file(
        self, project: read.Project, version: str = "1.0", *, state: FileState = FileState.RECEIVED, **more: object
    ) -> str:
        """A file of a release; moved to `state` by the acts that lead there."""
        self.count += 1
        file_id = new_id()
        name = more.pop("filename", f"{project.key}-{version}-{self.count}-py3-none-any.whl")
        with self.db.write() as tx:
            known = read.release_head(tx, project.id, version)
            release_id = known[0] if known else new_id()
            if not known:
                tx.execute(
                    insert(release_table).values(
                        id=release_id,
                        project_id=project.id,
                        version=version,
                        metadata={"name": project.name, "version": version},
                        created_at=self.now,
                    )
                )
            row = {
                "id": file_id,
                "project_id": project.id,
                "release_id": release_id,
                "filename": name,
                "packagetype": PackageType.WHEEL,
                "python_version": "py3",
                "requires_python": ">=3.9",
                "size": 10,
                "md5": "m",
                "sha256": f"s{self.count}",
                "blake2_256": "b",
                "vault_key": f"s{self.count}.{file_id}",
                "state": FileState.RECEIVED,
                "state_at": self.now,
                "holds_name": True,
                "uploaded_at": self.now,
                "uploader_id": "",
                "token_id": "",
            }
            tx.execute(insert(file_table).values(row | more))
            self._move(tx, file_id, state)
        return file_id

    def _move(self, tx: object, file_id: str, state: FileState) -> None:
        steps = {
            FileState.RECEIVED: [],
            FileState.PUBLIC: [("file.publish", FileState.PUBLIC)],
            FileState.HELD: [("file.hold", FileState.HELD)],
            FileState.REJECTED: [("file.refuse", FileState.REJECTED)],
            FileState.QUARANTINED: [("file.publish", FileState.PUBLIC), ("file.withdraw", FileState.QUARANTINED)],
            FileState.REMOVED: [("file.publish", FileState.PUBLIC), ("file.delete", FileState.REMOVED)],
        }
        for action, new in steps[state]:
            change.move_file(tx, action, POLICY, file_id, new, reason="", now=self.now)  # type: ignore[arg-type]

    def get(self, file_id: str) -> read.File:
        with self.db.read() as conn:
            found = read.file(conn, file_id)
        assert found is not None
        return found

    def actions(self) -> list[str]:
        with self.db.read() as conn:
            return list(conn.execute(select(journal.c.action).order_by(journal.c.id)).scalars())

    def to_publish(self) -> list[str]:
        with self.db.read() as conn:
            return list(conn.execute(select(to_publish.c.project_key).order_by(to_publish.c.id)).scalars())

    def jobs(self, queue: str) -> list[str]:
        with self.db.read() as conn:
            return list(conn.execute(select(job.c.key).where(job.c.queue == queue).order_by(job.c.key)).scalars())


@pytest.fixture
def shelf(db: Database, now: datetime) -> Shelf:
    """An empty catalogue on each database."""
    return Shelf(db, now)


@pytest.fixture
def lite(sqlite_db: Database, now: datetime) -> Shelf:
    """An empty catalogue on SQLite, for rules that no database changes."""
    return Shelf(sqlite_db, now)
