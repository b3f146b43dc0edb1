"""Fixtures for pages: an index with an application over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from bonded.accounts import passwords
from bonded.db.engine import Database
from bonded.web.context import WebSettings
from tests.conftest import NOW
from tests.support.witness import watching
from tests.web.house import CHEAP, House
from tests.web.scenes.shots import Shot, kept

SETTINGS = WebSettings(
    name="Bonded", url="http://localhost/", contact="mailto:security@example.invalid", second_factor=False
)


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Password hashes of the tests cost nothing; what a real one costs is measured where it is made."""
    monkeypatch.setattr(passwords, "default_hasher", lambda: CHEAP)


@pytest.fixture
def house(sqlite_db: Database, tmp_path: Path, now: datetime) -> House:
    """An empty index on SQLite."""
    return House(sqlite_db, tmp_path, now, SETTINGS)


@pytest.fixture
def both(db: Database, tmp_path: Path, now: datetime) -> House:
    """An empty index; the test runs once on each database."""
    return House(db, tmp_path, now, SETTINGS)


@pytest.fixture(autouse=True)
def every_change_leaves_its_row(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each request of each test is watched: what it changes, and what the journal says of it."""
    with watching(monkeypatch) as wrong:
        yield
    assert wrong == []


@pytest.fixture(scope="session")
def shots(shared: Path, migrated_sqlite: Path) -> Callable[[str], tuple[Shot, ...]]:
    """Every scene in a language: `shots("ar")`. Taken once for all test processes of this run."""
    return lambda language: kept(shared, migrated_sqlite, NOW, language)
