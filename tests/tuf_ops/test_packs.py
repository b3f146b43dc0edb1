"""The record of publications is packed by day, beside the publisher; every record stays where a reader finds it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from bonded.seams import OtherBytes
from bonded.tuf import pack_jobs
from bonded.tuf.compare import compare, since
from bonded.tuf.packs import Packed, _by_day, pack_name
from bonded.tuf.sweep import pack_left, sweep
from tests.tuf_ops.index import Index

START = date(2026, 1, 5)


def record(index: Index) -> set[str]:
    return {entry.name for entry in index.public.entries("publications/")}


def _age(path: Path, at: datetime) -> None:
    os.utime(path, (at.timestamp(), at.timestamp()))


def days(index: Index, count: int) -> None:
    """A publication a day; the files are as old as they say."""
    known: set[str] = set()
    for day in range(count):
        index.upload("alpha", f"1.{day}")
        index.settle_everything()
        for name in record(index) - known:
            _age(index.path(name), index.now)
        known = record(index)
        index.wait(days=1)


def packed(index: Index) -> int:
    """What one job packs."""
    before = len(_marked(index))
    pack_jobs.ask(index.db, index.public, index.now)
    index.work("pack")
    return len(_marked(index)) - before


def _marked(index: Index) -> set[str]:
    return pack_jobs.marked(index.db, sorted(record(index)))


def test_publications_are_packed_by_day_and_the_record_still_verifies(index: Index) -> None:
    days(index, 4)
    numbers = record(index)
    assert packed(index) >= 2
    index.wait(hours=25)
    index.publish()
    sweep(index.publisher, index.now)
    left = record(index)
    assert {pack_name(START), pack_name(START + timedelta(days=1))} <= left
    assert pack_name(START + timedelta(days=3)) not in left
    assert len(numbers - left) >= 2
    found = compare(index.public)
    assert found.difference.empty
    assert found.publications >= 5
    live, changed = since(index.public, 1)
    assert live == found.live
    assert {path for path in changed.added if path.endswith(".whl")} == {
        f"packages/alpha/alpha-1.{day}-py3-none-any.whl" for day in range(4)
    }


def test_a_job_is_asked_for_until_its_day_is_packed(sqlite_index: Index) -> None:
    index = sqlite_index
    days(index, 3)
    done = []
    for _ in range(2):
        for _ in range(2):
            pack_jobs.ask(index.db, index.public, index.now)
        done.append(index.work("pack"))
    assert done == [1, 0]
    assert index.public.exists(pack_name(pack_jobs.newest(index.now)))


def test_a_day_is_read_once_and_not_by_each_look_until_its_files_go(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day may have ten thousand records."""
    days(index, 3)
    singles = record(index)
    first = packed(index)
    assert first >= 1
    asked: list[str] = []
    for verb in ("get", "read", "put", "create"):
        real = getattr(index.public, verb)
        monkeypatch.setattr(
            index.public, verb, lambda name, *more, real=real: (asked.append(name), real(name, *more))[1]
        )
    for _ in range(2):
        index.wait(minutes=10)
        assert pack_jobs.pack_days(index.publisher, index.now) == 0
        assert sweep(index.publisher, index.now)
    assert [name for name in asked if name.startswith("publications/")] == []
    index.wait(days=2)
    assert sweep(index.publisher, index.now)
    assert len(singles - record(index)) >= first
    assert compare(index.public).difference.empty


def test_what_a_pack_lacks_is_added_by_who_has_the_lock(sqlite_index: Index) -> None:
    index = sqlite_index
    days(index, 2)
    index.upload("beta", "1.0")
    index.settle_everything()
    index.wait(days=2)
    assert packed(index) >= 1
    late = f"publications/{max(_numbers(index))}.json"  # as if its host had been away, with files of that day
    body = orjson.dumps(orjson.loads(index.public.read(late)) | {"at": f"{START}T13:00:00Z", "publication": 7000})
    index.public.create("publications/7000.json", body)
    _age(index.path("publications/7000.json"), index.now - timedelta(days=3))
    assert packed(index) == 0
    assert not Packed(index.public).holds(body)
    assert pack_left(index.publisher, index.now) == 0  # not yet: the job has three days for what it may do
    index.wait(days=3)
    index.publisher.lock.release()  # type: ignore[attr-defined]
    other = index.new_publisher()
    with other.lock.held():
        assert pack_left(index.publisher, index.now) == 0
    other.lock.release()  # type: ignore[attr-defined]
    assert pack_left(index.publisher, index.now) >= 1
    assert Packed(index.public).holds(body)
    assert "publications/7000.json" in _marked(index)
    first = next(n for n in sorted(_numbers(index)) if n < 7000)
    assert Packed(index.public).holds(index.public.read(f"publications/{first}.json"))


def _numbers(index: Index) -> list[int]:
    return [int(Path(name).stem) for name in record(index) if name.endswith(".json")]


def test_of_two_that_pack_at_once_one_does_and_nothing_is_marked_by_the_other(
    sqlite_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = sqlite_index
    days(index, 3)

    def rival(name: str, data: bytes) -> None:
        raise OtherBytes(name)

    with monkeypatch.context() as patch:
        patch.setattr(index.public, "create", rival)
        assert packed(index) == 0
    assert packed(index) >= 1


def test_a_record_that_is_swept_while_a_job_reads_is_passed_over(
    sqlite_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = sqlite_index
    days(index, 4)
    real, gone = index.public.entries, sorted(_numbers(index))[1]

    def listed_then_swept(prefix: str):  # type: ignore[no-untyped-def]
        found = list(real(prefix))
        index.public.delete(f"publications/{gone}.json")
        return iter(found)

    monkeypatch.setattr(index.public, "entries", listed_then_swept)
    assert pack_jobs.pack_days(index.publisher, index.now) >= 1


def test_a_day_is_whole_when_the_one_after_the_next_begins() -> None:
    """Clocks of two hosts disagree around midnight; and not all days of a backlog are in memory at once."""

    def one(n: int, *at: int) -> tuple[int, bytes]:
        return n, orjson.dumps({"at": datetime(2026, 1, *at, tzinfo=UTC)})

    read: list[int] = []

    def records():  # type: ignore[no-untyped-def]
        for item in (one(1, 5, 12), one(2, 6, 0), one(3, 5, 23), one(4, 6, 1), one(5, 7, 1), one(6, 9, 1)):
            read.append(item[0])
            yield item

    days = _by_day(records())
    first = next(days)
    assert (first[0], set(first[1]), read[-1]) == (date(2026, 1, 5), {1, 3}, 5)
    assert [(day.day, set(lines)) for day, lines in days] == [(6, {2, 4}), (7, {5}), (9, {6})]
