"""A whole small index on each database."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from bonded.db.engine import Database
from tests.tuf_ops.index import Index


@pytest.fixture
def index(tmp_path: Path, db: Database, now: datetime) -> Index:
    """An index with development keys and nothing in it, on SQLite and on PostgreSQL."""
    return Index(tmp_path / "index", db, now)


@pytest.fixture
def sqlite_index(tmp_path: Path, sqlite_db: Database, now: datetime) -> Index:
    """The same on SQLite only."""
    return Index(tmp_path / "index", sqlite_db, now)
