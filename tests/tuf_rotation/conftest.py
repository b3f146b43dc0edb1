"""A small index, on both databases, whose keys and bins change."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from bonded.db.engine import Database
from tests.tuf.world import World
from tests.tuf_rotation.changing import Changing


@pytest.fixture
def changing(db: Database, tmp_path: Path, now: datetime) -> Changing:
    return Changing.begin(World.make(db, tmp_path / "index", now))


@pytest.fixture
def quick(sqlite_db: Database, tmp_path: Path, now: datetime) -> Changing:
    """On SQLite only: for what no database decides."""
    return Changing.begin(World.make(sqlite_db, tmp_path / "index", now))
