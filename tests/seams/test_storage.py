"""The contract of Storage, against every adapter: a folder, and a bucket on a real S3 server."""

from __future__ import annotations

import io
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bonded.adapters.storage_files import FileStorage
from bonded.adapters.storage_s3 import LARGE
from bonded.seams import Changed, NotStored, OtherBytes, Storage, StorageError
from tests.support.s3 import bucket, running_s3


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    with running_s3() as url:
        yield url


@pytest.fixture(params=["files", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "files":
        return FileStorage(tmp_path / "store")
    return bucket(request.getfixturevalue("s3_server"))


def test_the_probe_passes(storage: Storage) -> None:
    storage.probe()
    assert list(storage.entries("")) == []
    assert storage.conditional


def test_create_writes_once(storage: Storage) -> None:
    assert storage.create("a/b/c.json", b"one") is True
    assert storage.create("a/b/c.json", b"one") is False
    with pytest.raises(OtherBytes):
        storage.create("a/b/c.json", b"two")
    assert storage.get("a/b/c.json").data == storage.read("a/b/c.json") == b"one"
    assert storage.exists("a/b/c.json")
    assert storage.size("a/b/c.json") == 3


def test_create_takes_files_and_streams(storage: Storage, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(b"from a file")
    path.chmod(0o600)
    assert storage.create("x", path) is True
    assert storage.create("y", io.BytesIO(b"from a stream")) is True
    with storage.open("x") as stream:
        assert storage.create("z", stream) is True
        stream.seek(5)
        assert stream.read(1) == b"a"
    path.unlink()
    assert [storage.get(name).data for name in "xyz"] == [b"from a file", b"from a stream", b"from a file"]
    path.write_bytes(b"other bytes")
    with pytest.raises(OtherBytes):
        storage.create("x", path)


def test_large_objects(storage: Storage, tmp_path: Path) -> None:
    data = secrets.token_bytes(1024) * (LARGE // 1024 + 1)
    assert storage.create("large", io.BytesIO(data)) is True
    assert storage.create("large", io.BytesIO(data)) is False
    with pytest.raises(OtherBytes):
        storage.create("large", io.BytesIO(data[:-1] + bytes([data[-1] ^ 1])))
    with storage.open("large") as stream:
        assert stream.read() == data


def test_of_many_creators_with_other_bytes_one_wins(storage: Storage) -> None:
    won: list[bytes] = []

    def race(data: bytes) -> None:
        try:
            if storage.create("race", data):
                won.append(data)
        except OtherBytes:
            pass

    threads = [threading.Thread(target=race, args=(b"%d" % i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert storage.get("race").data == won[0]


def test_put_overwrites(storage: Storage) -> None:
    storage.put("p", b"one")
    storage.put("p", b"two")
    assert storage.get("p").data == b"two"


def test_replace_compares(storage: Storage) -> None:
    with pytest.raises(Changed):
        storage.replace("t", b"one", "no-such-tag")
    first = storage.replace("t", b"one", None)
    assert storage.get("t").tag == first
    with pytest.raises(Changed):
        storage.replace("t", b"two", None)
    second = storage.replace("t", b"two", first)
    assert second != first
    with pytest.raises(Changed):
        storage.replace("t", b"three", first)
    assert storage.get("t").data == b"two"
    assert storage.replace("t", b"three", second) != second


def test_of_many_replacers_with_one_tag_one_wins(storage: Storage) -> None:
    tag = storage.replace("t", b"begin", None)
    won: list[int] = []

    def race(i: int) -> None:
        try:
            storage.replace("t", b"%d" % i, tag)
            won.append(i)
        except Changed:
            pass

    threads = [threading.Thread(target=race, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert storage.get("t").data == b"%d" % won[0]


def test_copy_is_another_name(storage: Storage) -> None:
    storage.create("a", b"one")
    storage.create("other", b"two")
    storage.copy("a", "deep/b")
    storage.copy("a", "deep/b")
    storage.delete("a")
    assert storage.get("deep/b").data == b"one"
    with pytest.raises(OtherBytes):
        storage.copy("other", "deep/b")
    with pytest.raises(NotStored):
        storage.copy("nothing", "new")


def test_what_is_missing_is_missing(storage: Storage) -> None:
    storage.delete("nothing")
    assert not storage.exists("nothing")
    for ask in (storage.get, storage.read, storage.open, storage.size):
        with pytest.raises(NotStored):
            ask("nothing")
    storage.create("gone", b"x")
    storage.delete("gone")
    assert not storage.exists("gone")


def test_entries_begin_with_the_prefix(storage: Storage) -> None:
    for name in ("metadata/1.a.json", "metadata/12.a.json", "metadata/2.a.json", "simple/x/index.html"):
        storage.create(name, name.encode())
    assert {e.name for e in storage.entries("metadata/1")} == {"metadata/1.a.json", "metadata/12.a.json"}
    assert {e.name for e in storage.entries("simple/")} == {"simple/x/index.html"}
    found = {e.name: e for e in storage.entries("")}
    assert len(found) == 4
    assert found["simple/x/index.html"].size == len("simple/x/index.html")
    assert found["simple/x/index.html"].modified.tzinfo is not None
    assert list(storage.entries("nothing/")) == []


def test_the_barrier_may_be_called_at_any_time(storage: Storage) -> None:
    storage.barrier()
    for i in range(40):
        storage.create(f"{i}", b"x")
    storage.delete("3")
    storage.barrier()
    storage.barrier()
    assert storage.get("39").data == b"x"


BAD = ("", "/a", "a//b", "a/", "../a", "a/../b", "a/./b", "..", ".", "a\0b", "a\\b", ".tmp/x", "a/" + "b" * 256)


@pytest.mark.parametrize("name", BAD)
def test_names_that_leave_the_store_are_refused(storage: Storage, name: str) -> None:
    for act in (storage.get, storage.open, storage.exists, storage.delete, lambda n: storage.create(n, b"")):
        with pytest.raises(StorageError):
            act(name)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(alphabet="a./\\\0~", min_size=1, max_size=12))
def test_no_name_reaches_outside_the_folder(tmp_path: Path, name: str) -> None:
    """Whatever the name, either it is refused or the object is inside."""
    root = tmp_path / "root"
    store = FileStorage(root)
    try:
        store.put(name, b"x")
    except StorageError:
        return
    assert [e.name for e in store.entries("")] in ([name], [])  # top-level names with a dot are not listed
    assert root in (root / name).resolve().parents
    store.delete(name)


def test_put_copy_shows_the_source_whatever_was_there(storage: Storage) -> None:
    storage.create("source/1", b"one")
    storage.create("source/2", b"two")
    storage.put_copy("source/1", "folder/plain")
    storage.put_copy("source/1", "folder/plain")
    assert storage.get("folder/plain").data == b"one"
    storage.put_copy("source/2", "folder/plain")
    assert (storage.get("folder/plain").data, storage.get("source/1").data) == (b"two", b"one")
    storage.put("folder/plain", b"three")  # never written through: the source keeps its bytes
    assert storage.get("source/2").data == b"two"
    with pytest.raises(NotStored):
        storage.put_copy("source/3", "folder/plain")
    assert storage.get("folder/plain").data == b"three"
