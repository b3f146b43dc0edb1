"""What only a folder promises: durability, times of mutable files, links, modes, and errors in words."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bonded.adapters import storage_moves, storage_sync
from bonded.adapters.storage_files import FileStorage
from bonded.seams import OtherBytes, StorageError


class Fatal(BaseException):
    """Stands for the end of the process."""


def die(error: OSError) -> None:
    raise Fatal(str(error))


def test_two_writes_in_one_second_differ_in_their_whole_second(tmp_path: Path) -> None:
    store = FileStorage(tmp_path / "s")
    tag = store.replace("t", b"1", None)
    times = []
    for i in range(4):
        tag = store.replace("t", b"%d" % i, tag)
        times.append(int((tmp_path / "s/t").stat().st_mtime))
        store.put("p", b"x")
    assert times == sorted(set(times))
    assert int((tmp_path / "s/p").stat().st_mtime) >= times[0]


def test_a_copy_and_an_object_of_another_folder_are_links(tmp_path: Path) -> None:
    vault, public = FileStorage(tmp_path / "v", private=True), FileStorage(tmp_path / "p")
    vault.create("blob", b"bytes")
    with vault.open("blob") as stream:
        public.create("file", stream)
    public.copy("file", "again")
    inodes = {(tmp_path / name).stat().st_ino for name in ("v/blob", "p/file", "p/again")}
    assert len(inodes) == 1
    assert (tmp_path / "v").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "p/file").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("count", [1, 100])
def test_a_failed_sync_ends_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    store = FileStorage(tmp_path / "s", fatal=die)  # type: ignore[arg-type]
    for i in range(count):
        store.create(f"{i}", b"x")

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "injected")

    monkeypatch.setattr(storage_sync, "_sync_one" if count <= storage_sync.FEW else "_sync_file_system", broken)
    with pytest.raises(Fatal):
        store.barrier()


def test_the_default_ends_a_real_process(tmp_path: Path) -> None:
    code = "from bonded.adapters.storage_sync import end_process; end_process(OSError(5, 'lost'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 74


def test_everything_written_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, the folders that name them, and folders above that were made for them."""
    synced: list[str] = []
    monkeypatch.setattr(storage_sync, "FEW", 32)
    monkeypatch.setattr(storage_sync, "_sync_one", synced.append)
    root = tmp_path / "s"
    store = FileStorage(root)
    store.create("a/b/c", b"x")
    store.delete("a/b/c")
    store.create("d", b"x")
    store.barrier()
    assert set(synced) >= {f"{root}/a/b/c", f"{root}/a/b", f"{root}/a", str(root), f"{root}/d"}
    synced.clear()
    store.barrier()
    assert synced == []
    assert store.create("d", b"x") is False
    store.barrier()
    assert f"{root}/d" in synced  # whoever wrote it may have died before its barrier


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStorage(tmp_path / "s")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    for act in (lambda: store.create("a", b"x"), lambda: store.put("a", b"x"), lambda: store.replace("a", b"x", None)):
        with pytest.raises(StorageError, match="No space left"):
            act()
    monkeypatch.undo()
    assert list(store.entries("")) == []
    assert [p.name for p in (tmp_path / "s/.tmp").iterdir()] in ([], ["lock"])


def test_leftovers_of_dead_writers_go_after_an_hour(tmp_path: Path) -> None:
    FileStorage(tmp_path / "s")
    old, new = tmp_path / "s/.tmp/old", tmp_path / "s/.tmp/new"
    old.touch()
    new.touch()
    os.utime(old, (1_000_000, 1_000_000))
    FileStorage(tmp_path / "s")
    assert not old.exists()
    assert new.exists()


def test_copies_put_in_one_second_differ_in_their_whole_second(tmp_path: Path) -> None:
    store = FileStorage(tmp_path / "s")
    times = []
    for i in range(4):
        store.create(f"source/{i}", b"%d" % i)
        store.put_copy(f"source/{i}", "plain")
        times.append(int((tmp_path / "s/plain").stat().st_mtime))
    assert times == sorted(set(times))


def test_where_links_cannot_be_made_a_copy_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "injected")

    store = FileStorage(tmp_path / "s")
    store.create("source", b"x")
    monkeypatch.setattr(os, "link", no_link)
    store.put_copy("source", "plain")
    assert (tmp_path / "s/plain").read_bytes() == b"x"
    assert (tmp_path / "s/plain").stat().st_ino != (tmp_path / "s/source").stat().st_ino


def test_without_the_call_that_replaces_nothing_objects_are_still_created_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_moves, "_rename", None)
    store = FileStorage(tmp_path / "s")
    assert store.create("a/b", b"one") is True
    assert store.create("a/b", b"one") is False
    with pytest.raises(OtherBytes):
        store.create("a/b", b"two")
    assert sorted(item.name for item in (tmp_path / "s/.tmp").iterdir()) == ["lock"]


def test_a_pointer_is_on_the_disk_before_it_takes_the_place_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power failure between the rename and the flush might show an empty timestamp."""
    store = FileStorage(tmp_path / "s")
    tag = store.replace("t", b"old", None)
    seen: list[tuple[str, bytes]] = []

    def look(path: str) -> None:
        if os.path.isfile(path):  # noqa: PTH113
            seen.append((Path(path).parent.name, (tmp_path / "s/t").read_bytes()))

    monkeypatch.setattr(storage_sync, "_sync_one", look)
    store.replace("t", b"new", tag)
    assert seen[0] == (".tmp", b"old")
    assert seen[-1] == ("s", b"new")
