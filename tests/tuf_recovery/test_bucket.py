"""The compromise drill where the public store is a bucket: two of the same stories, against a real S3
server. The others are in `test_bucket_drills`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from bonded.db.engine import Database
from tests.support.s3 import bucket, running_s3
from tests.tuf_recovery.house import House
from tests.tuf_recovery.test_drill import (
    test_an_attack_and_a_lost_database,
    test_between_root_and_flip_clients_refuse,
)

__all__ = [
    "test_an_attack_and_a_lost_database",
    "test_between_root_and_flip_clients_refuse",
]


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with running_s3() as url:
        yield url


@pytest.fixture
def sqlite_house(tmp_path: Path, sqlite_db: Database, now: datetime, s3: str) -> House:
    return House(tmp_path / "index", sqlite_db, now, bucket=bucket(s3))


@pytest.fixture
def house(tmp_path: Path, db: Database, now: datetime, s3: str) -> House:
    return House(tmp_path / "index", db, now, bucket=bucket(s3))
