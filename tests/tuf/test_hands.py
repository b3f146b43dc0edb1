"""Hands: whatever becomes of the processes that help, a publication is whole or it is burned, and nothing is lost."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tuf.api.exceptions import DownloadError, RepositoryError

import bonded.tuf.publish
from bonded.adapters import storage_sync
from bonded.adapters.storage_files import FileStorage
from bonded.seams import OtherBytes, StorageError
from bonded.tuf.hands import Hands, Store, hands
from bonded.tuf.outcome import Result
from bonded.tuf.plan import Plan
from bonded.tuf.publish import publish
from bonded.tuf.threads import Objects
from tests.tuf.faults import NoBarrier, Trip, places
from tests.tuf.rounds import Rounds
from tests.tuf.world import World

ME = os.getpid
NAMES = [f"item-{i}" for i in range(10)]


def shared(world: World, count: int = 2) -> World:
    """Every publication of this index is a large one."""
    world.settings = replace(world.settings, hands=count, least_shared=1)
    return world


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that were started."""
    started: list[int] = []
    real = os.fork

    def fork() -> int:
        if pid := real():
            started.append(pid)
        return pid

    monkeypatch.setattr(os, "fork", fork)
    return started


def gone(pids: Sequence[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def nothing(*_: object) -> None:
    pass


def in_folder(folder: Path) -> Store:
    """Puts objects as files that say which process wrote them."""

    def put(objects: Objects) -> None:
        for name, _ in objects:
            (folder / name).write_text(str(ME()))

    return Store(lambda item: (folder / f"exposed-{item}").touch(), put, nothing)


def twice(items: Sequence[str]) -> tuple[list[str], Objects]:
    return [item * 2 for item in items], [(item, item.encode()) for item in items]


def test_facts_come_back_in_order_and_objects_stay_with_those_who_made_them(tmp_path: Path, forks: list[int]) -> None:
    with hands(2, in_folder(tmp_path), least=1) as helping:
        facts, objects = helping.share(twice, NAMES)
        assert facts == [name * 2 for name in NAMES]
        assert [name for name, _ in objects] == NAMES[::3]
        helping.expose(["a", "b", "c", "d"])
        with helping.putting():
            in_folder(tmp_path).put(objects)
    # Dealt out like cards: items that cost much stand together, so each gets as many of them.
    writers = [(tmp_path / name).read_text() for name in NAMES]
    assert writers == ([str(ME()), str(forks[0]), str(forks[1])] * 4)[:10]
    assert {path.name for path in tmp_path.glob("exposed-*")} == {f"exposed-{c}" for c in "abcd"}
    assert gone(forks)


def test_few_items_are_not_shared(forks: list[int]) -> None:
    with hands(2, Store(nothing, nothing, nothing), least=11) as helping:
        assert helping.share(twice, NAMES) == twice(NAMES)
    assert forks == []


@pytest.mark.parametrize("how", ["raises", "ends"])
def test_what_a_hand_cannot_make_the_publisher_makes(how: str, forks: list[int]) -> None:
    publisher = ME()

    def make(items: Sequence[str]) -> tuple[list[str], Objects]:
        if ME() != publisher:
            if how == "ends":
                os._exit(9)
            raise ValueError(how)
        return twice(items)

    with hands(2, Store(nothing, nothing, nothing), least=1) as helping:
        facts, objects = helping.share(make, NAMES)
        assert facts == [name * 2 for name in NAMES]
        assert len(objects) == len(NAMES)
        with helping.putting():
            pass
    assert len(forks) == 2
    assert gone(forks)


def test_what_nobody_can_make_is_raised_as_what_it_is() -> None:
    def make(items: Sequence[str]) -> tuple[list[str], Objects]:
        if NAMES[-1] in items:
            raise KeyError(NAMES[-1])
        return twice(items)

    with hands(1, Store(nothing, nothing, nothing), least=1) as helping, pytest.raises(KeyError):
        helping.share(make, NAMES)


def putting(store: Store) -> Hands:
    with hands(1, store, least=1) as helping:
        helping.share(twice, NAMES)
        with helping.putting():
            pass
        return helping


def raising(error: BaseException) -> Callable[[object], None]:
    def put(_: object) -> None:
        raise error

    return put


def test_other_bytes_and_a_store_that_fails_are_told_apart() -> None:
    with pytest.raises(OtherBytes, match="there"):
        putting(Store(nothing, raising(OtherBytes("there")), nothing))
    with pytest.raises(StorageError, match="away"):
        putting(Store(nothing, raising(StorageError("away")), nothing))


def test_the_store_is_told_before_other_processes_write() -> None:
    told: list[str] = []
    store = Store(lambda item: told.append(str(item)), nothing, lambda: told.append("shared"))
    with hands(1, store, least=1) as helping:
        helping.share(twice, NAMES)
        helping.expose(["a", "b"])
        assert told == ["shared", "a"]
        with helping.putting():
            told.append("here")
    assert told == ["shared", "a", "shared", "here"]


def test_dismissed_hands_go_while_the_publisher_goes_on(forks: list[int]) -> None:
    with hands(1, Store(nothing, nothing, nothing), least=1) as helping:
        helping.share(twice, NAMES)
        helping.dismiss()
        assert os.waitid(os.P_PID, forks[0], os.WEXITED | os.WNOWAIT) is not None
    assert gone(forks)


def test_hands_make_what_the_publisher_would_make_alone(
    sqlite_world: World, forks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds, plans, real = Rounds.begin(shared(sqlite_world)), list[tuple[Plan, Plan]](), bonded.tuf.publish.build

    def both(*args: Any, **more: Any) -> Plan:
        plans.append((real(*args[:-1], **more), real(*args, **more)))
        return plans[-1][1]

    monkeypatch.setattr(bonded.tuf.publish, "build", both)
    for key in ("apple", "pear", "quince"):
        rounds.upload(key, f"{key}-9.tar.gz")
    rounds.recover()
    assert forks
    assert gone(forks)
    for one, many in plans:
        assert set(many.objects) < set(one.objects)
        assert replace(many, objects=one.objects) == one


class Breaking(FileStorage):
    """A store that one process breaks off at: `at` it the process ends, or finds other bytes; `ours` writes on."""

    ours = 0
    how = ""

    def create(self, name: str, data: bytes | Path | object) -> bool:
        if ME() != self.ours and name.startswith("metadata/"):
            if self.how == "ends":
                os._exit(9)
            if self.how == "other":
                raise OtherBytes(f"{name} exists with other bytes")
            raise StorageError("injected")
        return super().create(name, data)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["ends", "other", "fails"])
def test_a_hand_that_cannot_put_burns_the_number_and_loses_nothing(sqlite_world: World, how: str) -> None:
    rounds = Rounds.begin(shared(sqlite_world))
    rounds.change()
    store = Breaking(sqlite_world.folder / "public")
    store.ours, store.how = ME(), how
    p = sqlite_world.publisher(public=store)
    if how == "other":
        assert publish(p, sqlite_world.now).result is Result.BURNED
    else:
        with pytest.raises(StorageError):
            publish(p, sqlite_world.now)
    p.lock.release()  # type: ignore[attr-defined]
    rounds.witness.look()
    rounds.recover()


@pytest.mark.parametrize("mode", ["failed", "done", "die"])
def test_calls_fail_while_hands_help(sqlite_world: World, mode: str) -> None:
    """As test_crash has it; a call that a hand makes fails in the hand, too."""
    rounds = Rounds.begin(shared(sqlite_world, 1))
    calls = places(rounds.calls())
    assert sum(name == "public.barrier" for name, _ in calls) == 1  # for what hands wrote, too
    for name, nth in calls[["failed", "done", "die"].index(mode) * 3 :: 12]:
        rounds.round(Trip(on=name, nth=nth, mode=mode))


def test_what_hands_wrote_is_durable_before_the_flip(sqlite_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One flush of the whole file system, and none but the publisher's: its descriptor was there before anybody wrote."""
    rounds = Rounds.begin(shared(sqlite_world, 2))
    sqlite_world.now += timedelta(seconds=61)
    rounds.change()
    store = sqlite_world.folder / "public"
    before = set(store.rglob("*"))
    flushed: list[set[Path]] = []
    since: list[int] = []

    def flush(descriptor: int) -> None:
        assert descriptor == since[0]
        flushed.append(set(store.rglob("*")) - before)

    class Noting(FileStorage):
        def shared(self) -> None:
            super().shared()
            assert set(store.glob("metadata/*")) <= before  # nobody has written yet
            since.append(self._pending._since or -1)

    monkeypatch.setattr(storage_sync, "_sync_file_system", flush)
    publish(sqlite_world.publisher(public=Noting(store)), sqlite_world.now)
    new = set(store.rglob("*")) - before
    assert {path for path in new if path.suffix == ".json"} <= flushed[0]
    rounds.recover()


def test_hands_whose_writes_no_barrier_covered_are_found_out(sqlite_world: World) -> None:
    """The fault that the test above is about, planted: power fails after a flip, and what hands wrote is not there."""
    rounds = Rounds.begin(shared(sqlite_world, 1))
    rounds.change()
    store = NoBarrier(FileStorage(sqlite_world.folder / "public"), Trip())
    publish(sqlite_world.publisher(public=store), sqlite_world.now)
    store.pending.clear()  # what the publisher itself wrote is there
    store.lose_power()
    with pytest.raises((DownloadError, RepositoryError, AssertionError)):
        rounds.witness.look()
