"""What only a folder promises: durability, times of mutable files, links, modes, and errors in words."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bonded.adapters import storage_moves, storage_scratch, storage_sync
from bonded.adapters.storage_files import FileStorage
from bonded.adapters.storage_spread import spread
from bonded.seams import NotStored, OtherBytes, StorageError


class Fatal(BaseException):
    """Stands for the end of the process."""


def die(error: object, *_: object) -> None:
    raise Fatal(str(error))


def scratch(root: Path) -> list[str]:
    """Files of a store that have no name yet."""
    return sorted(item.name for item in (root / ".tmp").rglob("*") if item.is_file() and item.name != "lock")


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


def test_a_store_may_be_made_by_several_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FileStorage(tmp_path / "s")
    looks, is_dir = [False], Path.is_dir  # this one looked before that one made it
    monkeypatch.setattr(Path, "is_dir", lambda path: looks.pop() if looks else is_dir(path))
    FileStorage(tmp_path / "s").put("a", b"x")
    assert looks == []
    assert (tmp_path / "s/a").read_bytes() == b"x"


def test_several_may_put_first_objects_into_one_folder(tmp_path: Path) -> None:
    """Each of them finds no folder, and then finds the one that another made."""
    store = FileStorage(tmp_path / "s")
    with ThreadPoolExecutor(8) as pool:
        for turn in range(60):
            names = [f"{turn}/deep/{n}" for n in range(8)]
            list(pool.map(store.create, names, [b"x"] * 8))
            list(pool.map(store.put_copy, names, [f"{turn}/copies/{n}" for n in range(8)]))
    assert len(list(store.entries(""))) == 60 * 16
    store.barrier()


def test_a_folder_that_another_makes_meanwhile_is_taken(tmp_path: Path) -> None:
    store, calls = FileStorage(tmp_path / "s"), list[str]()

    def act(made: str, path: str) -> None:
        calls.append(path)
        if len(calls) == 1:
            Path(path).parent.mkdir(parents=True)
            raise FileNotFoundError(2, "No such file or directory", path)

    store._in_folder(str(tmp_path / "s/a/b/c"), act, "made")
    assert len(calls) == 2
    store.barrier()


def test_what_cannot_be_copied_for_it_is_not_there_says_so(tmp_path: Path) -> None:
    store = FileStorage(tmp_path / "s")
    for name in ("new/copy", "copy"):
        with pytest.raises(NotStored):
            store.copy("missing", name)
    store.barrier()


def test_a_store_that_was_made_halfway_is_private_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(Path, "chmod", die)
        with pytest.raises(Fatal):
            FileStorage(tmp_path / "v", private=True)
    FileStorage(tmp_path / "v", private=True)
    assert (tmp_path / "v").stat().st_mode & 0o777 == 0o700


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


def opened(path: Path) -> set[str]:
    """The descriptors of this process that are of `path`."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return {link.name for link in links if link.readlink() == path}


def test_a_failure_that_another_process_was_told_of_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel tells each descriptor of failures since it was opened, and a new one of those that nobody was told."""
    root, synced = tmp_path / "s", list[int]()
    store = FileStorage(root)
    store.create("before", b"x")
    store.barrier()
    assert opened(root) == set()

    def sync(descriptor: int) -> None:
        assert Path(f"/proc/self/fd/{descriptor}").readlink() == root
        synced.append(descriptor)

    monkeypatch.setattr(storage_sync, "_sync_file_system", sync)
    store.create("0", b"x")
    begun = opened(root)
    for i in range(1, storage_sync.FEW + 2):
        store.create(str(i), b"x")
    store.barrier()
    assert [str(descriptor) in begun for descriptor in synced] == [True]  # opened with the first of them
    assert opened(root) == set()
    store.put("0", b"y")
    del store
    gc.collect()
    assert opened(root) == set()


def test_one_barrier_is_for_what_forked_processes_wrote_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little this process wrote: the whole file system, by a descriptor that is older than what they wrote."""
    root, synced = tmp_path / "s", list[Path]()
    store = FileStorage(root)
    monkeypatch.setattr(
        storage_sync, "_sync_file_system", lambda d: synced.append(Path(f"/proc/self/fd/{d}").readlink())
    )
    store.shared()
    assert len(opened(root)) == 1
    store.barrier()
    assert synced == [root]
    store.create("one", b"x")
    store.barrier()
    assert synced == [root]  # what nobody else writes is synced by itself


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
    assert scratch(tmp_path / "s") == []


def test_leftovers_of_dead_writers_go_after_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FileStorage(tmp_path / "s")
    old, new = tmp_path / "s/.tmp/old", tmp_path / "s/.tmp/new"
    old.touch()
    new.touch()
    _an_hour_later(monkeypatch, still_new=new)
    FileStorage(tmp_path / "s")
    assert not old.exists()
    assert new.exists()


def test_leftover_folders_of_dead_writers_go_after_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FileStorage(tmp_path / "s")
    old, mixed = tmp_path / "s/.tmp/old-0-0", tmp_path / "s/.tmp/mixed-0-0"
    for folder in (old, mixed):
        folder.mkdir()
        (folder / "old").touch()
    (mixed / "new").touch()
    _an_hour_later(monkeypatch, still_new=mixed / "new")
    FileStorage(tmp_path / "s")
    assert sorted(tmp_path.glob("s/.tmp/*-0-0")) == [mixed]
    assert [item.name for item in mixed.iterdir()] == ["new"]


def _an_hour_later(monkeypatch: pytest.MonkeyPatch, still_new: Path) -> None:
    """Nobody can set when a file was last changed, so what is made within the next minute is stale, too; but for one file."""
    monkeypatch.setattr(storage_scratch, "STALE_SECONDS", -60)
    later = still_new.stat().st_mtime + 3600
    os.utime(still_new, (later, later))


def test_a_copy_of_an_old_object_is_no_leftover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a link, and so was last modified when the object was."""
    store, replace = FileStorage(tmp_path / "s"), os.replace
    store.create("source", b"x")
    os.utime(tmp_path / "s/source", (1_000_000, 1_000_000))

    def beside(made: str, path: str) -> None:
        FileStorage(tmp_path / "s")  # another process begins
        replace(made, path)

    monkeypatch.setattr(os, "replace", beside)
    store.put_copy("source", "plain")
    assert store.read("plain") == b"x"


def test_new_files_are_made_in_other_folders_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a file system that looks at everything lately deleted there (ext4) is slow after each sweep."""
    monkeypatch.setattr(storage_scratch, "MOST", 10)
    store, seen = FileStorage(tmp_path / "s"), []
    for i in range(25):
        store.create(f"a/{i}", b"x")
        seen.append({item.name for item in (tmp_path / "s/.tmp").iterdir()} - {"lock"})
    assert [len(folders) for folders in seen] == [1] * 25  # those before are gone
    assert len(set.union(*seen)) == 3
    del store
    gc.collect()
    assert [item.name for item in (tmp_path / "s/.tmp").iterdir()] == ["lock"]


def test_a_folder_that_another_process_took_for_left_is_made_again(tmp_path: Path) -> None:
    store = FileStorage(tmp_path / "s")
    for name, act in (
        ("created", lambda: store.create("created", b"x")),
        ("put", lambda: store.put("put", b"x")),
        ("copied", lambda: store.put_copy("created", "copied")),
    ):
        for folder in (tmp_path / "s/.tmp").glob("*-*"):
            folder.rmdir()
        act()
        assert (tmp_path / "s" / name).read_bytes() == b"x"
    with pytest.raises(NotStored):
        store.put_copy("absent", "copied")


def test_a_folder_that_another_process_takes_as_soon_as_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes that forked from one leave a turn's folders one after the other, while another still makes its file there."""
    store, made, mkdir = FileStorage(tmp_path / "s"), [], os.mkdir

    def taken(path: str, mode: int = 0o777) -> None:
        mkdir(path, mode)
        made.append(path)
        if ".tmp/" in path and len(made) < 4:
            os.rmdir(path)  # noqa: PTH106

    monkeypatch.setattr(os, "mkdir", taken)
    assert store.create("created", b"x") is True
    assert store.read("created") == b"x"
    assert len(set(made)) == 1
    assert len(made) == 4


def test_processes_write_side_by_side_whatever_they_inherited(tmp_path: Path) -> None:
    store = FileStorage(tmp_path / "s")
    store.create("before", b"x")
    children = []
    for i in range(8):
        pid = os.fork()
        if not pid:
            for k in range(50):
                store.create(f"child/{i}-{k}", b"%d" % i)
            os._exit(0)
        children.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0] * 8
    assert len(list((tmp_path / "s/child").iterdir())) == 400
    assert scratch(tmp_path / "s") == []


def test_a_file_system_that_can_is_told_to_spread_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def ioctl(_descriptor: int, request: int, value: bytes) -> bytes:
        asked.append((request & 0xFFFF, int.from_bytes(value[:4], sys.byteorder)))
        return (0x80000).to_bytes(4, sys.byteorder) + bytes(4)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    spread(tmp_path)
    assert asked == [(0x6601, 0), (0x6602, 0x80000 | 0x20000)]  # what was set stays set


def test_a_file_system_that_cannot_spread_folders_is_no_worse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ioctl(*_: object) -> bytes:
        raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    store = FileStorage(tmp_path / "s")
    store.create("a", b"x")
    assert store.read("a") == b"x"


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
    assert scratch(tmp_path / "s") == []


def test_a_pointer_is_on_the_disk_before_it_takes_the_place_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power failure between the rename and the flush might show an empty timestamp."""
    store = FileStorage(tmp_path / "s")
    tag = store.replace("t", b"old", None)
    seen: list[tuple[str, bytes]] = []

    def look(path: str) -> None:
        if os.path.isfile(path):  # noqa: PTH113
            seen.append((".tmp" if ".tmp/" in path else Path(path).parent.name, (tmp_path / "s/t").read_bytes()))

    monkeypatch.setattr(storage_sync, "_sync_one", look)
    store.replace("t", b"new", tag)
    assert seen[0] == (".tmp", b"old")
    assert seen[-1] == ("s", b"new")
