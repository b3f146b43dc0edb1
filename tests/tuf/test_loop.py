"""The publisher's loop: what waits is published, a bad project blocks nobody, and what cannot be published stays valid."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

import bonded.tuf.collect
import bonded.tuf.draft
import bonded.tuf.loop
import bonded.tuf.publish
from bonded.adapters.queue_local import LocalQueue
from bonded.journal.seal import unsealed
from bonded.journal.tables import journal, to_publish
from bonded.seams import Changed, StorageError
from bonded.telemetry import metrics
from bonded.tuf.context import Publisher
from bonded.tuf.loop import PublisherLoop, keep_valid, run_publisher, run_refresher
from bonded.tuf.tables import superseded
from bonded.values.states import FileState
from tests.tuf.faults import FaultyDatabase, FaultyStorage, Trip, database_error
from tests.tuf.world import World


class Running:
    """A loop on a clock that the test moves."""

    def __init__(self, world: World, p: Publisher) -> None:
        self.world, self.p = world, p
        self.loop = PublisherLoop(p, lambda: world.now)

    def turns(self, count: int, step: timedelta = timedelta(seconds=6)) -> None:
        for _ in range(count):
            self.loop.turn()
            self.world.now += step
        self.p.lock.release()  # type: ignore[attr-defined]


def versions(world: World, key: str) -> list[str] | None:
    data = world.client("returning").get(f"simple/{key}/index.json")
    return None if data is None else orjson.loads(data)["versions"]


@pytest.fixture
def running(sqlite_world: World) -> Running:
    return Running(sqlite_world, sqlite_world.publisher())


def test_what_waits_is_published_and_the_journal_sealed(running: Running) -> None:
    running.world.upload("apple", "apple-1.0.tar.gz")
    running.turns(4)
    assert versions(running.world, "apple") == ["1.0"]
    with running.world.db.read() as conn:
        assert unsealed(conn) == 0


def test_a_project_that_cannot_be_published_blocks_nobody(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    real = bonded.tuf.draft.page_html

    def broken(page, serial, *rest):
        if page.key == "bad":
            raise ZeroDivisionError
        return real(page, serial, *rest)

    monkeypatch.setattr(bonded.tuf.draft, "page_html", broken)
    world = running.world
    for i in range(5):
        world.upload(f"good-{i}", f"good_{i}-1.0.tar.gz")
        if i == 2:
            world.upload("bad", "bad-1.0.tar.gz")
    running.turns(40)
    for i in range(5):
        assert versions(world, f"good-{i}") == ["1.0"]
    assert versions(world, "bad") is None
    with world.db.read() as conn:
        rows = conn.execute(select(to_publish.c.project_key, to_publish.c.parked)).all()
        parked = (
            conn.execute(select(journal.c.project_key).where(journal.c.action == "publication.park")).scalars().all()
        )
    assert {tuple(row) for row in rows} == {("bad", 1)}
    assert set(parked) == {"bad"}
    monkeypatch.undo()
    world.upload("bad", "bad-2.0.tar.gz")  # a new event publishes all of it
    running.turns(3)
    assert versions(world, "bad") == ["1.0", "2.0"]


def test_a_store_that_fails_for_a_while_parks_nothing(sqlite_world: World) -> None:
    trip = Trip()
    public = FaultyStorage(sqlite_world.public, trip)
    running = Running(sqlite_world, sqlite_world.publisher(public=public))
    for i in range(4):
        sqlite_world.upload(f"apple-{i}", f"apple_{i}-1.0.tar.gz")

    def fail(*_: object) -> None:
        raise StorageError("no space left")

    public.create = fail  # type: ignore[method-assign]
    running.turns(20)
    del public.create
    running.turns(12)
    for i in range(4):
        assert versions(sqlite_world, f"apple-{i}") == ["1.0"]
    assert sqlite_world.waiting() == 0


def test_a_file_whose_name_no_store_takes_is_its_own_projects_fault(running: Running) -> None:
    """It was accepted before names were short enough to have a digest before them."""
    world = running.world
    world.upload("apple", f"apple-1.0+{'a' * 180}.tar.gz")
    world.upload("pear", "pear-1.0.tar.gz")
    running.turns(20)
    assert versions(world, "pear") == ["1.0"]
    with world.db.read() as conn:
        rows = conn.execute(select(to_publish.c.project_key, to_publish.c.parked)).all()
    assert {tuple(row) for row in rows} == {("apple", 1)}


def test_only_rows_of_the_project_at_fault_are_parked(sqlite_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever came meanwhile: a row that never failed stands before those that the store failed once."""
    world, failed = sqlite_world, list[str]()
    file_id = world.upload("good", "good-1.0.tar.gz")
    world.publish()
    world.upload("bad", "bad-1.0.tar.gz")
    with world.db.write() as tx:
        tx.execute(update(to_publish).values(failures=1))

    def broken(page, *_: object) -> None:
        failed.append(page.key)
        if len(failed) == 2:
            world.yank(file_id, "wrong")
        raise ZeroDivisionError

    monkeypatch.setattr(bonded.tuf.draft, "page_html", broken)
    running = Running(world, world.publisher())
    running.p.memory.limit = 1  # as after a larger batch that failed
    running.turns(12)
    with world.db.read() as conn:
        rows = conn.execute(select(to_publish.c.project_key, to_publish.c.parked)).all()
    assert {tuple(row) for row in rows} == {("bad", 1)}
    page = orjson.loads(world.client().get("simple/good/index.json") or b"{}")
    assert page["files"][0]["yanked"] == "wrong"


def test_a_file_missing_in_the_vault_is_its_own_projects_fault(running: Running) -> None:
    world = running.world
    world.upload("apple", "apple-1.0.tar.gz")
    world.upload("pear", "pear-1.0.tar.gz")
    for entry in list(world.vault.entries("")):
        if world.vault.get(entry.name).data == b"bytes of pear-1.0.tar.gz":
            world.vault.delete(entry.name)
    running.turns(20)
    assert versions(world, "apple") == ["1.0"]
    assert versions(world, "pear") is None


def test_while_the_database_is_down_clients_stay_valid(sqlite_world: World) -> None:
    sqlite_world.upload("apple", "apple-1.0.tar.gz")
    sqlite_world.publish()
    trip = Trip()
    running = Running(sqlite_world, sqlite_world.publisher(db=FaultyDatabase(sqlite_world.db, trip)))

    def down(*_: object) -> None:
        raise database_error()

    trip.call = down  # type: ignore[method-assign]
    running.turns(30, step=timedelta(hours=2))
    assert versions(sqlite_world, "apple") == ["1.0"]


def test_min_interval_is_kept(sqlite_world: World) -> None:
    sqlite_world.settings = replace(sqlite_world.settings, min_interval=timedelta(seconds=10))
    running = Running(sqlite_world, sqlite_world.publisher())
    sqlite_world.upload("apple", "apple-1.0.tar.gz")
    running.turns(1, step=timedelta(seconds=3))
    sqlite_world.upload("apple", "apple-2.0.tar.gz")
    running.turns(2, step=timedelta(seconds=3))
    assert versions(sqlite_world, "apple") == ["1.0"]
    running.turns(2, step=timedelta(seconds=3))
    assert versions(sqlite_world, "apple") == ["1.0", "2.0"]


def test_an_index_that_is_never_idle_is_swept_between_publications(sqlite_world: World) -> None:
    """Uploads without a pause, for days: what is superseded goes all the same, a little at a time."""
    world = sqlite_world
    world.settings = replace(world.settings, min_interval=timedelta(minutes=2), sweep_grace=timedelta(hours=1))
    running = Running(world, world.publisher())

    def a_turn_and_a_rest(number: int) -> None:
        world.upload("apple", f"apple-1.{number}.tar.gz")
        running.turns(2, step=timedelta(minutes=1))

    for number in range(60):
        a_turn_and_a_rest(number)
    snapshots = [entry for entry in world.public.entries("metadata/") if entry.name.endswith(".snapshot.json")]
    assert len(snapshots) < 45  # those of the last hour are kept, and what the next sweep takes
    assert versions(world, "apple") == [f"1.{number}" for number in range(60)]


def test_while_publications_fail_nothing_is_swept(sqlite_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = sqlite_world
    public = FaultyStorage(world.public, Trip())
    world.settings = replace(world.settings, min_interval=timedelta(minutes=2))
    running = Running(world, world.publisher(public=public))
    swept: list[int] = []
    monkeypatch.setattr(bonded.tuf.loop, "sweep", lambda *more: swept.append(1))

    def fail(*_: object) -> None:
        raise StorageError("no space left")

    public.create = fail  # type: ignore[method-assign]
    world.upload("apple", "apple-1.0.tar.gz")
    running.turns(5, step=timedelta(milliseconds=100))
    assert swept == []


def test_a_sweep_that_the_database_refuses_delays_no_publication(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sqlite_world
    world.settings = replace(world.settings, min_interval=timedelta(seconds=2))
    running = Running(world, world.publisher())
    world.upload("apple", "apple-1.0.tar.gz")
    running.turns(1, step=timedelta(seconds=1))

    def locked(*_: object) -> None:
        raise database_error()

    monkeypatch.setattr(bonded.tuf.loop, "sweep", locked)
    world.upload("apple", "apple-2.0.tar.gz")
    with capture_logs() as logs:
        running.turns(2, step=timedelta(seconds=1))
    assert "the sweep failed" in [entry["event"] for entry in logs]
    assert versions(world, "apple") == ["1.0", "2.0"]


def test_a_sweep_with_more_to_do_goes_on_at_once(sqlite_world: World) -> None:
    world = sqlite_world
    world.settings = replace(world.settings, sweep_grace=timedelta(hours=1))
    for number in range(25):
        world.upload("apple", f"apple-1.{number}.tar.gz")
        world.publish()
    world.now += timedelta(hours=2)
    running = Running(world, world.publisher())
    running.turns(10, step=timedelta(seconds=1))
    with world.db.read() as conn:
        left = conn.execute(select(superseded.c.at)).scalars().all()
    assert all(at > world.now - timedelta(hours=1) for at in left)


def test_a_clock_that_is_set_back_ends_no_work(running: Running) -> None:
    """What was due by the clock of before would be due in a month: nothing would be published, and nobody told why."""
    world = running.world
    world.upload("apple", "apple-1.0.tar.gz")
    running.turns(3)
    world.now -= timedelta(days=30)
    world.upload("pear", "pear-1.0.tar.gz")
    with capture_logs() as logs:
        running.turns(3)
    assert any("before the last publication" in entry.get("reason", "") for entry in logs)


def test_a_clock_that_is_set_back_a_little_delays_nothing(running: Running) -> None:
    world = running.world
    world.upload("apple", "apple-1.0.tar.gz")
    running.turns(3)
    world.now -= timedelta(seconds=50)
    world.upload("pear", "pear-1.0.tar.gz")
    running.turns(2, timedelta(seconds=1))
    assert versions(world, "pear") == ["1.0"]


def test_a_clock_that_is_set_forward_meanwhile_makes_no_long_rest(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a machine that slept in the middle of a publication."""
    world, real = running.world, bonded.tuf.publish.put

    def slept(*arguments: Any) -> None:
        real(*arguments)
        world.now += timedelta(hours=8)

    monkeypatch.setattr(bonded.tuf.publish, "put", slept)
    world.upload("apple", "apple-1.0.tar.gz")
    running.turns(1)
    monkeypatch.undo()
    world.upload("pear", "pear-1.0.tar.gz")
    running.turns(12)
    assert versions(world, "pear") == ["1.0"]


def test_a_running_process_is_woken_and_stops_soon(sqlite_world: World, folder: Path) -> None:
    stop, ready = threading.Event(), threading.Event()
    p = sqlite_world.publisher()
    queue = LocalQueue(folder / "wake")
    sqlite_world.db.on_commit(LocalQueue(folder / "wake").wake)
    args = (p, queue, lambda: sqlite_world.now, stop, ready.set)
    thread = threading.Thread(target=run_publisher, args=args)
    thread.start()
    try:
        assert ready.wait(60)
        sqlite_world.upload("apple", "apple-1.0.tar.gz")
        for _ in range(1200):
            if sqlite_world.public.exists("simple/apple") or sqlite_world.waiting() == 0:
                break
            stop.wait(0.05)
    finally:
        stop.set()
        thread.join(60)
        queue.close()
        p.lock.release()  # type: ignore[attr-defined]
    assert not thread.is_alive()
    assert versions(sqlite_world, "apple") == ["1.0"]


def test_the_refreshers_process(sqlite_world: World) -> None:
    sqlite_world.upload("apple", "apple-1.0.tar.gz")
    n = sqlite_world.publish().n
    sqlite_world.now += timedelta(hours=13)
    stop = threading.Event()
    p = sqlite_world.publisher()
    thread = threading.Thread(target=run_refresher, args=(p, lambda: sqlite_world.now, stop))
    thread.start()
    for _ in range(1200):
        if sqlite_world.client("returning").versions[0] > n:
            break
        stop.wait(0.05)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    refreshed = sqlite_world.client("returning").versions[0]
    assert refreshed > n
    keep_valid(p, sqlite_world.now)  # nothing is due now
    p.lock.release()  # type: ignore[attr-defined]
    assert sqlite_world.client("returning").versions[0] == refreshed


def figures() -> dict[str, float]:
    lines = metrics.render().decode().splitlines()
    return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_a_publication_is_measured(running: Running) -> None:
    """Two files that were uploaded a minute ago, one of which a person released."""
    metrics.stop()
    world = running.world
    world.upload("apple", "apple-1.0.tar.gz")
    held = world.upload("pear", "pear-1.0.tar.gz", release=False)
    world.move(held, "file.hold", FileState.HELD)
    world.move(held, "review.release", FileState.PUBLIC)
    world.now += timedelta(minutes=1)
    running.turns(3)
    found = figures()
    assert found["bonded_publication_latency_seconds_count"] == 1, "what waited for a person says nothing of publishing"
    assert found["bonded_publication_latency_seconds_sum"] == pytest.approx(60, abs=1)
    assert found["bonded_publication_change_latency_seconds_count"] == 4
    assert (found["bonded_publication_batch_changes_count"], found["bonded_publication_batch_changes_sum"]) == (1, 4)
    assert found['bonded_publications_total{result="published"}'] == 1
    for step in ("claim", "collect", "build", "open", "put", "flip", "settle"):
        assert found[f'bonded_publication_step_seconds_count{{step="{step}"}}'] >= 1, step
    assert 'bonded_publications_total{result="failed"}' not in found
    metrics.stop()


def test_failed_and_burned_publications_are_counted(sqlite_world: World) -> None:
    metrics.stop()
    public = FaultyStorage(sqlite_world.public, Trip())
    running = Running(sqlite_world, sqlite_world.publisher(public=public))
    sqlite_world.upload("apple", "apple-1.0.tar.gz")

    def fail(*_: object) -> None:
        raise StorageError("no space left")

    def moved(*_: object) -> None:
        raise Changed("somebody else was faster")

    public.replace = fail  # type: ignore[method-assign]
    running.turns(3)
    public.replace = moved  # type: ignore[method-assign]
    running.turns(2)
    found = figures()
    assert found['bonded_publications_total{result="failed"}'] == 3
    assert found['bonded_publications_total{result="burned"}'] == 2
    assert "bonded_publication_latency_seconds_count" not in found
    metrics.stop()


def test_a_long_project_list_has_a_publication_of_its_own(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes seconds at size: people's changes do not wait for it, unless the publisher is never idle."""
    world = running.world
    for key in ("apple", "fig"):
        world.upload(key, f"{key}-1.0.tar.gz")
    running.turns(2)
    monkeypatch.setattr(bonded.tuf.collect, "LONG_LIST", 1)
    assert listed(world) == ["apple", "fig"]

    def busy_turn(key: str) -> None:
        world.upload(key, f"{key}-1.0.tar.gz")
        running.turns(1)
        assert versions(world, key) == ["1.0"]

    world.now += timedelta(minutes=11)
    busy_turn("pear")
    assert listed(world) == ["apple", "fig"]
    running.turns(1)
    assert listed(world) == ["apple", "fig", "pear"]
    world.now += timedelta(minutes=11)
    busy_turn("quince")
    assert listed(world) == ["apple", "fig", "pear"]
    world.now += timedelta(minutes=10)
    busy_turn("plum")
    assert listed(world) == ["apple", "fig", "pear", "plum", "quince"]


def listed(world: World) -> list[str]:
    data = world.client("returning").get("simple/index.json")
    assert data is not None
    return [project["name"] for project in orjson.loads(data)["projects"]]
