"""A store that is elsewhere is asked side by side: every call waits, and a publication makes thousands."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bonded.db.engine import Database
from bonded.ops.look_client import at_moment, client
from bonded.tuf import threads
from bonded.tuf.sweep import sweep
from bonded.tuf.threads import ahead, few_large, several
from tests.tuf_ops.far import WAIT, Far
from tests.tuf_ops.index import Index

PROJECTS = [f"p{n}" for n in range(24)]


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
    for queue, calls in (("plain", ("read", "size")), ("documents", ("put", "get"))):
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
    monkeypatch.setattr(threads, "LARGE", 10)
    index.publish()
    assert store.most["copy"] == threads.LARGE_AT_ONCE


def test_a_few_are_done_in_order_only_where_nothing_waits() -> None:
    where: list[int] = []
    for at_once, expected in ((1, 1), (4, 4)):
        where.clear()
        met = threading.Barrier(expected, timeout=60)

        def note(_: int, met: threading.Barrier = met) -> None:
            met.wait()
            where.append(threading.get_ident())

        with several(2, at_once) as each:
            each(note, range(4))
        assert len(set(where)) == expected


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


def test_what_is_done_ahead_comes_in_order_and_begins_as_there_is_room() -> None:
    asked: list[int] = []
    begun = threading.Barrier(4, timeout=60)

    def items() -> Iterator[int]:
        for n in range(20):
            asked.append(n)
            yield n

    def one(n: int) -> int:
        if n < 4:
            begun.wait()
            time.sleep((4 - n) * WAIT)
        return n * n

    found = ahead(one, items(), 4)
    assert asked == []
    assert next(found) == 0
    assert asked == [0, 1, 2, 3]
    assert list(found) == [n * n for n in range(1, 20)]


@pytest.mark.parametrize("at_once", [1, 4])
def test_an_error_ahead_is_raised_in_its_turn(at_once: int) -> None:
    found = ahead(lambda n: 6 // (3 - n), range(20), at_once)
    assert [next(found) for _ in range(3)] == [2, 3, 6]
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert list(found) == []


def test_who_stops_early_waits_for_what_has_begun_and_no_more() -> None:
    begun: list[int] = []
    ended: list[int] = []

    def one(n: int) -> None:
        begun.append(n)
        time.sleep(WAIT)
        ended.append(n)

    found = ahead(one, range(1000), 4)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert sorted(begun) == sorted(ended)
    assert len(ended) <= 8


def test_a_few_large_ones_at_a_time() -> None:
    lock, inside, most = threading.Lock(), [0, 0], [0, 0]

    def one(size: int) -> None:
        kind = int(size > threads.LARGE)
        with lock:
            inside[kind] += 1
            most[kind] = max(most[kind], inside[kind])
        time.sleep(WAIT)
        with lock:
            inside[kind] -= 1

    sizes = [threads.LARGE + n % 2 for n in range(64)]
    assert len(list(ahead(few_large(one, int), sizes, 16))) == 64
    assert most[1] == threads.LARGE_AT_ONCE
    assert most[0] > threads.LARGE_AT_ONCE
