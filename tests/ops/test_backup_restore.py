"""Backup of a running index, and what a restore of it looks like to returning clients."""

from __future__ import annotations

import io
import os
import resource
import signal
import tarfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from sqlalchemy import text

from bonded.db.engine import open_database
from bonded.ops.backup import Report, Source, backup
from bonded.ops.backup_sink import FolderSink, open_sink
from bonded.ops.fsck import fsck
from bonded.ops.ground import Ground
from bonded.ops.look_client import at_moment, client
from bonded.ops.restore import number_from, reissue
from bonded.ops.unpack import read_manifest, unpack
from bonded.tuf.base import read_base
from bonded.values.refusals import Refusal
from bonded.values.states import FileState
from tests.tuf_ops.index import Index


def quiet(_: str) -> None:
    return None


def source(index: Index, *, keys: bool = True) -> Source:
    path = Path(str(index.db.engine.url.database))
    (index.folder / "bonded.toml").write_text("")
    return Source(index.folder, path, index.vault, index.public, keys)


def write(index: Index, destination: Path, *, keys: bool = True) -> Report:
    with open_sink(destination) as sink:
        return backup(source(index, keys=keys), sink, now=index.now, progress=quiet)


def restored(index: Index, backup_path: Path, folder: Path) -> Index:
    """The backup as an index of its own, store made right, as `bonded restore` does it."""
    unpack(backup_path, folder, progress=quiet)
    db = open_database(f"sqlite:///{folder}/bonded.db")
    other = Index(folder, db, index.now, index.settings, index.owner)
    reissue(other.publisher, lambda: other.now, progress=quiet)
    return other


def findings(index: Index) -> list[str]:
    def ground() -> Ground:
        return Ground(index.db, index.vault, index.public, index.root, index.now)

    return [one.line() for one in fsck(ground, pause=lambda: None)]


class Client:
    """A python-tuf client that keeps its state, as an installer's cache does."""

    def __init__(self, index: Index, folder: Path) -> None:
        folder.mkdir()
        self._folder, self._root = folder, index.root

    def refresh(self, index: Index) -> dict[str, int]:
        """Versions of everything the client trusts after a refresh; raises what python-tuf raises."""
        updater = client(index.public, self._root, self._folder)
        at_moment(updater, index.now)
        updater.refresh()
        trusted = updater._trusted_set
        return {name: meta.version for name, meta in trusted.snapshot.meta.items()}

    def page(self, index: Index, project: str) -> bytes:
        updater = client(index.public, self._root, self._folder)
        at_moment(updater, index.now)
        info = updater.get_targetinfo(f"simple/{project}/index.json")
        assert info
        return Path(updater.download_target(info, str(self._folder / "page"))).read_bytes()


@pytest.fixture(params=["folder", "tar"])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    return tmp_path / ("copy.tar" if request.param == "tar" else "copy")


def test_a_restored_index_is_whole_and_versions_rise_for_a_returning_client(
    sqlite_index: Index, destination: Path, tmp_path: Path
) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.upload("beta")
    index.settle_everything()
    returning = Client(index, tmp_path / "client")
    report = write(index, destination)
    assert report.live == read_base(index.public).n
    for version in ("2.0", "3.0", "4.0"):  # lost with the machine, but the client has seen it
        index.wait(minutes=5)
        index.upload("alpha", version)
        index.settle_everything()
    seen = returning.refresh(index)
    index.wait(minutes=5)
    other = restored(index, destination, tmp_path / "restored")
    after = returning.refresh(other)
    assert set(seen) <= set(after)
    assert all(after[name] >= seen[name] for name in seen)
    bins = [name for name in after if "bin-" in name]
    assert bins
    assert all(after[name] >= number_from(index.now) > seen[name] for name in bins)
    assert b"alpha-1.0" in returning.page(other, "alpha")
    assert b"alpha-2.0" not in returning.page(other, "alpha")
    assert findings(other) == []
    assert other.public.exists("simple/beta/index.html")
    assert other.public.exists("packages/beta/beta-1.0-py3-none-any.whl")


def test_a_restored_index_goes_on_publishing(sqlite_index: Index, tmp_path: Path) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    waiting = index.upload("beta")  # accepted, not yet published, when the backup was made
    write(index, tmp_path / "copy")
    index.wait(minutes=1)
    other = restored(index, tmp_path / "copy", tmp_path / "restored")
    assert other.public.exists(f"packages/beta/{other.filename(waiting)}")
    other.wait(minutes=1)
    other.upload("gamma")
    other.settle_everything()
    assert b"gamma" in Client(other, tmp_path / "client").page(other, "gamma")
    assert findings(other) == []


def test_what_was_quarantined_when_the_backup_was_made_stays_away(sqlite_index: Index, tmp_path: Path) -> None:
    index = sqlite_index
    bad = index.upload("alpha")
    index.settle_everything()
    index.move("review.quarantine", bad, FileState.QUARANTINED)
    write(index, tmp_path / "copy")  # before the take-down and the publication
    index.wait(minutes=1)
    other = restored(index, tmp_path / "copy", tmp_path / "restored")
    assert list(other.public.entries("packages/")) == []
    assert b".whl" not in Client(other, tmp_path / "client").page(other, "alpha")
    other.work()
    assert findings(other) == []


def test_a_backup_beside_uploads_and_publications_is_consistent(sqlite_index: Index, tmp_path: Path) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    over = threading.Event()

    def busy() -> None:
        number = 0
        while not over.is_set():
            number += 1
            index.upload(f"p{number % 5}", f"1.{number}")
            index.settle_everything()

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for attempt in range(3):
            write(index, tmp_path / f"copy{attempt}")
    finally:
        over.set()
        thread.join()
    index.wait(minutes=1)
    for attempt in range(3):
        other = restored(index, tmp_path / f"copy{attempt}", tmp_path / f"restored{attempt}")
        other.work()
        assert findings(other) == []


def test_private_keys_are_copied_only_when_asked(sqlite_index: Index, tmp_path: Path) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    write(index, tmp_path / "without", keys=False)
    assert [p.name for p in (tmp_path / "without/keys").iterdir()] == ["root.json"]
    assert not read_manifest(tmp_path / "without").keys
    write(index, tmp_path / "with")
    online = tmp_path / "with/keys/online.pem"
    assert online.read_bytes() == (index.folder / "keys/online.pem").read_bytes()
    assert online.stat().st_mode & 0o077 == 0
    write(index, tmp_path / "without.tar", keys=False)
    with tarfile.open(tmp_path / "without.tar") as tar:
        assert [n for n in tar.getnames() if n.startswith("keys/")] == ["keys/root.json"]


def test_a_backup_that_fails_leaves_nothing_that_looks_like_one(sqlite_index: Index, destination: Path) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    base = read_base(index.public)
    role, version = next((r, v) for r, v in base.versions.items() if "bin-" in r)
    index.public.delete(f"metadata/{version}.{role}.json")
    from bonded.seams import NotStored

    with pytest.raises(NotStored):
        write(index, destination)
    assert not destination.exists()
    assert not destination.with_name(destination.name + ".partial").exists()


def test_what_a_stopped_backup_left_is_for_a_person_to_remove(sqlite_index: Index, destination: Path) -> None:
    """It may be of one under way."""
    left = destination.with_name(destination.name + ".partial")
    left.mkdir()
    with pytest.raises(Refusal) as caught:
        write(sqlite_index, destination)
    assert caught.value.sentence.startswith(f"{left} exists already: unless that backup is under way it was stopped")
    left.rmdir()
    write(sqlite_index, destination)


@pytest.mark.parametrize("objects", [3, 60])
def test_a_disk_that_takes_no_more_of_a_tar_file(tmp_path: Path, objects: int) -> None:
    """Neither in the midst nor at its end is anything left of it: the next backup of that name would be refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"), open_sink(tmp_path / "copy.tar") as sink:
            for number in range(objects):
                sink.add_bytes(f"public/{number}", bytes(700))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_backup_left_is_removed_by_the_next(sqlite_index: Index, tmp_path: Path) -> None:
    """The copy of the database, which may be large; that of one under way stays."""
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    told, tell = os.pipe()
    pid = os.fork()
    if not pid:

        class Stopped(FolderSink):
            def add(self, name: str, stream: BinaryIO) -> None:
                os.write(tell, b"x")
                signal.pause()

        try:
            with Stopped(tmp_path / "killed") as sink:
                backup(source(index), sink, now=index.now, progress=quiet)
        finally:
            os._exit(1)
    try:
        os.read(told, 1)
        write(index, tmp_path / "beside.tar")
        assert len(list(index.folder.glob("bonded-backup-*/bonded.db"))) == 1
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    write(index, tmp_path / "after.tar")
    assert list(index.folder.glob("bonded-backup-*")) == []


def test_nothing_is_overwritten(sqlite_index: Index, destination: Path, tmp_path: Path) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    write(index, destination)
    with pytest.raises(Refusal) as exists:
        write(index, destination)
    assert exists.value.code == "backup-exists"
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    with pytest.raises(Refusal) as full:
        unpack(destination, tmp_path / "full", progress=quiet)
    assert full.value.code == "directory-in-use"


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "vault/../../evil", "other/thing"])
def test_a_hostile_tar_is_refused(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        info = tarfile.TarInfo(name)
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(Refusal) as refused:
        unpack(tmp_path / "bad.tar", tmp_path / "into", progress=quiet)
    assert refused.value.code == "not-a-backup"
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("data", [b"", b"not a tar at all" * 100])
def test_what_is_no_backup_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.tar").write_bytes(data)
    for path in (tmp_path / "bad.tar", tmp_path, tmp_path / "missing", tmp_path / "x.partial"):
        with pytest.raises(Refusal) as refused:
            unpack(path, tmp_path / "into", progress=quiet)
        assert refused.value.code == "not-a-backup"


def test_a_restore_beside_a_running_publisher_is_refused(sqlite_index: Index) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    other = index.new_publisher()
    with pytest.raises(Refusal) as refused:
        reissue(other, lambda: index.now, progress=quiet)
    assert refused.value.code == "publisher-runs"


def test_in_place_a_damaged_store_is_made_whole(index: Index) -> None:
    files = [index.upload(f"p{n}") for n in range(4)]
    index.settle_everything()
    for entry in list(index.public.entries("packages/p0/")):
        index.public.delete(entry.name)
    damaged = index.path(f"packages/p1/{index.filename(files[1])}")
    damaged.unlink()
    damaged.write_bytes(b"damage")
    for entry in list(index.public.entries("simple/p2/")):
        index.public.delete(entry.name)
    base = read_base(index.public)
    for role, version in [(r, v) for r, v in sorted(base.versions.items()) if "bin-" in r][:3]:
        index.public.delete(f"metadata/{version}.{role}.json")
    index.public.create("packages/p3/malware.whl", b"not allowed")
    index.wait(minutes=1)
    done = reissue(index.publisher, lambda: index.now, progress=quiet)
    assert (done.files, done.withdrawn, done.pages) == (4, 1, 1)
    assert done.missing == []
    index.work()
    assert {"store", "timestamp", "file/packages/p3/malware.whl"} <= set(index.purged())
    assert [f for f in findings(index) if not f.startswith("warning")] == []


def test_a_file_whose_bytes_are_lost_is_named(index: Index) -> None:
    file_id = index.upload("alpha")
    index.settle_everything()
    with index.db.read() as conn:
        key = conn.execute(text("SELECT vault_key FROM file")).scalar_one()
    index.vault.delete(key)
    for entry in list(index.public.entries("packages/")):
        index.public.delete(entry.name)
    index.wait(minutes=1)
    done = reissue(index.publisher, lambda: index.now, progress=quiet)
    assert done.missing == [f"packages/alpha/{index.filename(file_id)}"]


def test_numbers_of_a_restore_come_from_the_clock(sqlite_index: Index) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    index.wait(hours=1)
    done = reissue(index.publisher, lambda: index.now, progress=quiet)
    assert done.live >= number_from(index.now)
    assert number_from(index.now + timedelta(seconds=1)) == number_from(index.now) + 10
