"""The record of publications in a mirror: followed, packed by day, and the same whenever a mirror began."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bonded.db.engine import Database
from bonded.tuf.context import TufSettings
from bonded.tuf.pack_jobs import pack_days
from bonded.tuf.sweep import sweep
from tests.client_mirror.conftest import Mirror, tree
from tests.tuf.world import World


@pytest.fixture
def world(sqlite_db: Database, tmp_path: Path) -> World:
    """An index that has published on and off for six days."""
    today = datetime.now(UTC).replace(microsecond=0)
    made = World.make(sqlite_db, tmp_path / "index", today - timedelta(days=6))
    made.settings = TufSettings(sweep_grace=timedelta(0))
    for number, age in enumerate((6, 5, 5, 2, 1, 0)):
        made.now = today - timedelta(days=age)
        made.upload("example", f"example-{number}.0.tar.gz")
        made.publish()
    for path in (made.folder / "public/publications").glob("*.json"):
        at = datetime.fromisoformat(json.loads(path.read_bytes())["at"]).timestamp()
        os.utime(path, (at, at))
    return made


def packed_and_swept(world: World) -> None:
    p = world.publisher()
    assert pack_days(p, world.now)
    assert sweep(p, world.now)


def test_old_records_come_out_of_packs_and_are_packed_alike(mirror: Mirror, world: World, tmp_path: Path) -> None:
    """The index packs old days; a mirror made from single records and one made from packs are the same tree."""
    public = world.folder / "public/publications"
    assert mirror(tmp_path / "early").status == 0
    singles = len(list(public.glob("*.json")))
    packed_and_swept(world)
    assert len(list(public.glob("*.jsonl.zst"))) == 3
    assert len(list(public.glob("*.json"))) < singles
    ran = mirror(tmp_path / "late")
    assert ran.status == 0, ran
    names = tree(tmp_path / "late")
    assert names == tree(tmp_path / "early")
    assert len([name for name in names if name.endswith(".jsonl.zst")]) == 3
    assert mirror(tmp_path / "late", "--check").status == 0


def test_a_pack_that_is_gone_or_wrong(mirror: Mirror, world: World, tmp_path: Path) -> None:
    packed_and_swept(world)
    mirror(tmp_path / "m")
    (pack, *_) = sorted((tmp_path / "m/publications").glob("*.jsonl.zst"))
    data = pack.read_bytes()
    pack.unlink()
    assert "missing  publications/" in mirror(tmp_path / "m", "--check").out
    pack.write_bytes(data)
    assert mirror(tmp_path / "m", "--check").status == 0
    (theirs, *_) = sorted((world.folder / "public/publications").glob("*.jsonl.zst"))
    theirs.unlink()
    ran = mirror(tmp_path / "second")
    assert (ran.status, "[metadata-missing]" in ran.err) == (4, True), ran
    assert "metadata/timestamp.json" not in tree(tmp_path / "second")
