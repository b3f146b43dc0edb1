"""The newest snapshot gets a smaller copy after the flip; it stays the same snapshot."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path

import zstandard

from bonded.adapters.storage_files import FileStorage
from bonded.tuf.layout import create_dev_repository
from bonded.tuf.squeeze import Squeezer


def test_a_smaller_copy_of_the_same_bytes(tmp_path: Path, now: datetime) -> None:
    public = FileStorage(tmp_path / "public")
    squeezer = Squeezer(public)
    assert squeezer.squeeze() is None, "there is no index yet"
    create_dev_repository(public, tmp_path / "keys", page_bins=256, bins=256, now=now)
    data = public.get("metadata/1.snapshot.json").data
    public.put("metadata/1.snapshot.json.zst", zstandard.ZstdCompressor(level=3).compress(data))
    fast = public.size("metadata/1.snapshot.json.zst")
    assert squeezer.squeeze() == "metadata/1.snapshot.json"
    assert public.size("metadata/1.snapshot.json.zst") < fast
    assert zstandard.decompress(public.get("metadata/1.snapshot.json.zst").data) == data
    assert gzip.decompress(public.get("metadata/1.snapshot.json.gz").data) == data
    assert squeezer.squeeze() is None, "once for each snapshot"


def test_a_small_snapshot_is_left_alone(tmp_path: Path, now: datetime) -> None:
    public = FileStorage(tmp_path / "public")
    create_dev_repository(public, tmp_path / "keys", page_bins=4, bins=4, now=now)
    assert Squeezer(public).squeeze() is None
    assert not public.exists("metadata/1.snapshot.json.zst")
