"""The record of publications is packed by day, beside the publisher; every record stays where a reader finds it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from structlog.testing import capture_logs

from bonded.seams import OtherBytes
from bonded.tuf import pack_jobs
from bonded.tuf.compare import compare, since
from bonded.tuf.packs import Packed, _by_day, pack_name
from bonded.tuf.settle import supersede
from bonded.tuf.sweep import sweep
from bonded.tuf.trust import Untrusted
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
    pack_jobs.Asking(index.db, index.public).ask(index.now)
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
    assert pack_name(START + timedelta(days=3)) not in left, "it was live when the others were packed"
    assert len(numbers - left) >= 2
    found = compare(index.public)
    assert found.difference.empty
    assert found.publications >= 5
    live, changed = since(index.public, 1)
    assert live == found.live
    assert {path for path in changed.added if path.endswith(".whl")} == {
        f"packages/alpha/alpha-1.{day}-py3-none-any.whl" for day in range(4)
    }


def test_a_day_is_asked_for_once(sqlite_index: Index) -> None:
    index = sqlite_index
    days(index, 3)
    asking, done = pack_jobs.Asking(index.db, index.public), []
    for _ in range(6):
        asking.ask(index.now)
        done.append(index.work("pack"))
        index.wait(hours=12)  # after two days there are days without publications
    assert done == [1, 1, 0, 1, 0, 1], "from noon on: once each day"
    pack_jobs.Asking(index.db, index.public).ask(index.now - timedelta(days=3))
    assert index.work("pack") == 0, "it is there"


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


def late_record(index: Index, number: int) -> bytes:
    """As if its host had been away, with a record of the first day."""
    newest = f"publications/{max(_numbers(index))}.json"
    body = orjson.dumps(orjson.loads(index.public.read(newest)) | {"at": f"{START}T13:00:00Z", "publication": number})
    index.public.create(f"publications/{number}.json", body)
    _age(index.path(f"publications/{number}.json"), index.now - timedelta(days=3))
    return body


def test_what_comes_too_late_for_its_pack_stays_by_itself(sqlite_index: Index) -> None:
    """Caches keep a pack for a year, so it is written once."""
    index = sqlite_index
    days(index, 4)
    assert packed(index) >= 1
    whole = index.public.read(pack_name(START))
    body = late_record(index, 7000)
    assert pack_jobs.pack_days(index.publisher, index.now) == 0
    index.wait(days=3)
    index.publish()
    pack_jobs.pack_days(index.publisher, index.now)
    sweep(index.publisher, index.now)
    assert index.public.read(pack_name(START)) == whole
    assert index.public.read("publications/7000.json") == body
    assert compare(index.public).difference.empty


def test_a_damaged_record_does_not_take_the_place_of_the_one_in_the_pack(sqlite_index: Index) -> None:
    index = sqlite_index
    days(index, 4)
    assert packed(index) >= 2
    first = f"publications/{min(_numbers(index))}.json"
    good = index.public.read(first)
    index.path(first).write_bytes(good.replace(b'"attempt":"', b'"attempt":"x'))
    index.wait(days=2)
    index.publish()
    sweep(index.publisher, index.now)
    assert index.public.exists(first), "no pack holds these bytes"
    pack_jobs.pack_days(index.publisher, index.now)
    assert Packed(index.public).holds(good)
    assert compare(index.public).difference.empty, "what is damaged is read from its pack"


def test_after_an_outage_the_last_day_is_packed_when_it_is_over(sqlite_index: Index) -> None:
    """The worker may be up before the publisher: the live record and those after it are of that day until something is flipped."""
    index = sqlite_index
    days(index, 3)
    index.wait(days=5)
    pack_jobs.pack_days(index.publisher, index.now)
    last = START + timedelta(days=2)
    assert not index.public.exists(pack_name(last))
    index.publish()
    assert pack_jobs.pack_days(index.publisher, index.now) >= 1
    assert index.public.exists(pack_name(last))
    index.wait(days=2)
    index.publish()
    sweep(index.publisher, index.now)
    assert compare(index.public).difference.empty


@pytest.mark.parametrize("cut", [0, 3, 0.5, -1])
def test_a_pack_that_cannot_be_read_is_told_and_keeps_nothing_else(sqlite_index: Index, cut: float) -> None:
    """No other day waits for it, nothing is deleted because of it, and the publisher goes on."""
    index = sqlite_index
    days(index, 3)
    assert packed(index) >= 1
    index.publisher.lock.release()  # type: ignore[attr-defined]
    data = index.public.read(pack_name(START))
    torn = data[: int(len(data) * cut)] if isinstance(cut, float) else data[:cut]
    index.path(pack_name(START)).write_bytes(torn if cut else bytes(len(data)))
    late_record(index, 7000)
    singles = record(index)
    index.wait(days=3)
    index.publish()
    with pytest.raises(Untrusted, match="a pack of publications"):
        pack_jobs.pack_days(index.publisher, index.now)
    assert index.public.exists(pack_name(START + timedelta(days=2)))
    with capture_logs() as logs:
        assert sweep(index.publisher, index.now)
    assert any(entry["event"] == "a pack of publications cannot be read" for entry in logs)
    first = min(name for name in singles if name.endswith(".json"))
    assert index.public.exists(first)


def test_what_is_no_record_is_left_alone(sqlite_index: Index) -> None:
    index = sqlite_index
    days(index, 4)
    for number, body in ((9, b"{}"), (10, b"no JSON"), (11, b'{"at":7}')):
        index.public.create(f"publications/{number}.json", body)
        _age(index.path(f"publications/{number}.json"), index.now - timedelta(days=9))
    with index.db.write() as tx:
        supersede(tx, ["publications/9.json", "publications/10.json"], index.now - timedelta(days=9))
    assert packed(index) >= 2
    assert sweep(index.publisher, index.now)
    assert all(index.public.exists(f"publications/{number}.json") for number in (9, 10, 11))


@pytest.mark.parametrize("step", ["put", "barrier", "copy", "delete", "supersede"])
def test_whoever_dies_while_packing_leaves_it_to_the_next(
    sqlite_index: Index, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    index = sqlite_index
    days(index, 4)

    class Died(BaseException):
        """Not caught by anything."""

    def dies(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        if step == "supersede":
            patch.setattr(pack_jobs, "supersede", dies)
        else:
            patch.setattr(index.public, step, dies)
        with pytest.raises(Died):
            pack_jobs.pack_days(index.publisher, index.now)
    assert compare(index.public).difference.empty
    assert pack_jobs.pack_days(index.publisher, index.now) >= 2
    assert not [name for name in record(index) if name.endswith(".new")]
    index.wait(days=2)
    index.publish()
    assert sweep(index.publisher, index.now)
    assert compare(index.public).difference.empty


def test_a_sweep_of_many_records_reads_their_pack_once(sqlite_index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index = sqlite_index
    for n in range(12):
        index.upload("alpha", f"1.{n}")
        index.publish()
        index.wait(minutes=1)
    for name in record(index):
        _age(index.path(name), index.now)
    index.wait(days=3)
    index.publish()
    assert packed(index) >= 12
    index.wait(days=2)
    index.publish()
    read: list[str] = []
    real = index.public.read
    monkeypatch.setattr(index.public, "read", lambda name: (read.append(name), real(name))[1])
    while (swept := sweep(index.publisher, index.now, 5)) and swept.more:
        pass
    assert read.count(pack_name(START)) == 1
    assert index.publisher.memory.packs is None


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
        patch.setattr(index.public, "copy", rival)
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
