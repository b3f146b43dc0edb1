"""A small index, on both databases."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from bonded.db.engine import Database
from tests.tuf.world import World


@pytest.fixture
def world(db: Database, tmp_path: Path, now: datetime) -> World:
    return World.make(db, tmp_path / "index", now)


@pytest.fixture
def sqlite_world(sqlite_db: Database, tmp_path: Path, now: datetime) -> World:
    return World.make(sqlite_db, tmp_path / "index", now)
