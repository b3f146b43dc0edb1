"""The files of the proxy on disk: verified, bounded, shared."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from bonded_client.cache import FileCache


def put(cache: FileCache, data: bytes) -> str:
    part = cache.begin()
    part.write(data)
    sha256 = hashlib.sha256(data).hexdigest()
    cache.keep(part, sha256)
    part.close()
    return sha256


def has(cache: FileCache, sha256: str) -> bool:
    file = cache.open(sha256)
    if file is not None:
        file.close()
    return file is not None


def test_what_is_kept_is_there_for_the_next_process(tmp_path: Path) -> None:
    sha256 = put(FileCache(tmp_path), b"some bytes")
    with FileCache(tmp_path).open(sha256) or b"" as file:  # type: ignore[union-attr]
        assert file.read() == b"some bytes"


def test_what_was_changed_on_disk_is_not_used(tmp_path: Path) -> None:
    cache = FileCache(tmp_path)
    sha256 = put(cache, b"some bytes")
    path = tmp_path / sha256
    path.write_bytes(b"some other")
    for one in (cache, FileCache(tmp_path)):
        assert not has(one, sha256)
    assert not path.exists()


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, limit=1000)
    names = [put(cache, bytes([n]) * 300) for n in range(3)]
    for age, sha256 in zip((30, 20, 10), names, strict=True):
        path = tmp_path / sha256
        os.utime(path, ns=(time.time_ns() - age * 10**9, path.stat().st_mtime_ns))
    assert has(cache, names[0])  # used just now
    newest = put(cache, b"x" * 300)
    assert [has(cache, sha256) for sha256 in (*names, newest)] == [True, False, True, True]


def test_a_file_that_is_read_may_be_removed(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, limit=10)
    part = cache.begin()
    part.write(b"longer than the cache")
    cache.keep(part, "0" * 64)
    assert os.pread(part.fileno(), 100, 0) == b"longer than the cache"
    part.close()
    assert not has(cache, "0" * 64)


def test_parts_of_a_process_that_died_are_cleared_up(tmp_path: Path) -> None:
    cache = FileCache(tmp_path)
    part = cache.begin()
    part.close()
    cache.clear_up(time.time())
    assert len(list(tmp_path.glob(".part-*"))) == 1
    cache.clear_up(time.time() + 90_000)
    assert list(tmp_path.glob(".part-*")) == []


def test_others_cannot_read_it(tmp_path: Path) -> None:
    FileCache(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    (tmp_path / "open").mkdir(mode=0o755)
    kept = tmp_path / "open" / put(FileCache(tmp_path / "open"), b"some bytes")
    assert kept.stat().st_mode & 0o077 == 0


def test_what_earlier_versions_kept_in_folders_is_still_there(tmp_path: Path) -> None:
    sha256 = hashlib.sha256(b"some bytes").hexdigest()
    old = tmp_path / sha256[:2]
    old.mkdir()
    (old / sha256).write_bytes(b"some bytes")
    assert has(FileCache(tmp_path), sha256)
    assert not old.exists()
