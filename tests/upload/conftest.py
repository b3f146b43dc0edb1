"""A small index to upload to: a database, a vault in a folder, people with tokens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bonded.accounts import people, tokens
from bonded.accounts.people import User
from bonded.accounts.sealing import Sealer
from bonded.accounts.tokens import Bearer
from bonded.adapters.storage_files import FileStorage
from bonded.db.engine import Database
from bonded.upload.accept import Accepted, UploadContext, accept
from bonded.upload.limits import UploadLimits
from bonded.upload.receive import Received
from bonded.values.states import Mode
from bonded.values.who import OPERATOR
from tests.upload.making import receive

SEALER = Sealer(b"k" * 32)


@dataclass
class Index:
    """An index to upload to. `now` is the time of every act; `spool` takes what comes in."""

    db: Database
    vault: FileStorage
    spool: Path
    now: datetime
    limits: UploadLimits = field(default_factory=UploadLimits)
    mode: Mode = Mode.HOLD

    @property
    def context(self) -> UploadContext:
        return UploadContext(self.db, self.vault, self.limits, self.mode)

    def person(self, name: str) -> User:
        """A new person."""
        with self.db.write() as tx:
            return people.create(tx, OPERATOR, name, f"{name}@example.invalid", is_admin=False, now=self.now)

    def bearer(self, user: User, *projects: str, permissions: tuple[str, ...] = ("upload",)) -> Bearer:
        """A person's token, checked."""
        with self.db.write() as tx:
            _, text = tokens.mint(
                tx,
                OPERATOR,
                user,
                sealer=SEALER,
                name=f"t{len(tokens.of_user(tx, user.id))}",
                projects=projects,
                permissions=permissions,
                expires_at=self.now + timedelta(days=30),
                operator=False,
                now=self.now,
            )
        with self.db.read() as conn:
            return tokens.check(
                conn, text, sealer=SEALER, permission=permissions[0], project=None, now=self.now, ip="192.0.2.1"
            )

    def receive(self, filename: str, data: bytes, **more: Any) -> Received:
        """An upload as received, not yet looked at."""
        return receive(self.spool, filename, data, limits=self.limits, **more)

    def upload(self, bearer: Bearer, filename: str, data: bytes, **more: Any) -> Accepted:
        """Receive and accept; the spooled file is discarded as the web room does."""
        received = self.receive(filename, data, **more)
        try:
            return accept(self.context, received, bearer, bearer.actor("192.0.2.1", "test/1"), self.now)
        finally:
            received.discard()

    def stored(self) -> list[str]:
        """The names of all objects in the vault."""
        return sorted(entry.name for entry in self.vault.entries(""))

    def with_limits(self, **changes: Any) -> None:
        """Change limits."""
        self.limits = replace(self.limits, **changes)


@pytest.fixture
def index(db: Database, folder: Path, now: datetime) -> Index:
    """An empty index on each database."""
    return _index(db, folder, now)


@pytest.fixture
def lite(sqlite_db: Database, folder: Path, now: datetime) -> Index:
    """An empty index on SQLite, for what no database changes."""
    return _index(sqlite_db, folder, now)


def _index(db: Database, folder: Path, now: datetime) -> Index:
    spool = folder / "spool"
    spool.mkdir()
    return Index(db, FileStorage(folder / "vault", private=True), spool, now)
