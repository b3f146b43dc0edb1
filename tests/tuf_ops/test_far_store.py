"""A store that is elsewhere is asked side by side: every call waits, and a publication makes thousands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bonded.adapters.storage_files import FileStorage
from bonded.db.engine import Database
from bonded.ops.look_client import at_moment, client
from bonded.tuf import put
from bonded.tuf.sweep import sweep
from bonded.tuf.threads import several
from tests.tuf_ops.index import Index

WAIT = 0.01
PROJECTS = [f"p{n}" for n in range(24)]


class Far(FileStorage):
    """`most` says of each kind of call how many waited at the same time."""

    at_once = 8

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._lock, self._now, self._inside = threading.Lock(), 0, threading.local()
        self.most: dict[str, int] = {}

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return (
            self._waiting(name, found)
            if name in {"read", "create", "put", "put_copy", "copy", "delete", "size"}
            else found
        )

    def _waiting(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def waits(*given: Any) -> Any:
            if getattr(self._inside, "now", False):
                return call(*given)  # one call of ours makes others
            self._inside.now = True
            with self._lock:
                self._now += 1
                self.most[name] = max(self.most.get(name, 0), self._now)
            try:
                time.sleep(WAIT)
                return call(*given)
            finally:
                self._inside.now = False
                with self._lock:
                    self._now -= 1

        return waits


@pytest.fixture
def far(tmp_path: Path, sqlite_db: Database, now: datetime) -> tuple[Index, Far]:
    """An index whose public store is far, with a publication of many projects waiting."""
    store = Far(tmp_path / "far")
    index = Index(tmp_path / "index", sqlite_db, now, bucket=store)
    for key in PROJECTS:
        index.upload(key)
    store.most.clear()
    return index, store


def test_publications_copies_and_documents(far: tuple[Index, Far], tmp_path: Path) -> None:
    index, store = far
    index.publish()
    assert min(store.most[call] for call in ("create", "copy", "read")) > 3
    assert max(store.most.values()) <= 8
    for queue, calls in (("plain", ("read", "size")), ("documents", ("put",))):
        store.most.clear()
        index.work(queue)
        assert min(store.most[call] for call in calls) > 3, queue
        assert max(store.most.values()) <= 8
    updater = client(index.public, index.root, tmp_path)
    at_moment(updater, index.now)
    for key in PROJECTS:
        assert updater.get_targetinfo(f"simple/{key}/index.json")


def test_sweeps_and_withdrawals(far: tuple[Index, Far]) -> None:
    index, store = far
    index.settle_everything()
    index.wait(minutes=1)
    for key in PROJECTS:
        index.upload(key, "2.0")
    index.settle_everything()
    index.wait(days=2)
    index.settle_everything()
    store.most.clear()
    swept = sweep(index.publisher, index.now + timedelta(days=2))
    assert swept
    assert swept.deleted > 20
    assert 4 < store.most["delete"] <= 8


def test_large_files_go_a_few_at_a_time(far: tuple[Index, Far], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is in memory while it is on its way."""
    index, store = far
    monkeypatch.setattr(put, "LARGE", 10)
    index.publish()
    assert store.most["copy"] == put.LARGE_AT_ONCE


def test_a_few_are_done_in_order_only_where_nothing_waits() -> None:
    where: list[int] = []
    for at_once, threads in ((1, 1), (4, 4)):
        where.clear()
        met = threading.Barrier(threads, timeout=60)

        def note(_: int, met: threading.Barrier = met) -> None:
            met.wait()
            where.append(threading.get_ident())

        with several(2, at_once) as each:
            each(note, range(4))
        assert len(set(where)) == threads


def test_the_first_error_is_told_when_all_that_began_have_ended() -> None:
    ended: list[int] = []
    begun = threading.Barrier(4, timeout=60)

    def one(n: int) -> None:
        begun.wait()
        time.sleep(n * WAIT)
        ended.append(n)
        if n < 2:
            raise ValueError(n)

    with pytest.raises(ValueError, match="0"), several(1, 4) as each:
        list(each(one, range(4)))
    assert sorted(ended) == [0, 1, 2, 3]
