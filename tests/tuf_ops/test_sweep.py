"""Sweep: what was superseded goes after its grace; what anybody may still need never does."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from bonded.ops.look_client import at_moment, client
from bonded.tuf.base import read_base
from bonded.tuf.roles import metadata_name
from bonded.tuf.settle import supersede
from bonded.tuf.sweep import AT_ONCE, FEWEST, over_midnight, slice_after, sweep
from bonded.tuf.tables import publication, superseded
from tests.tuf_ops.index import Index


def everything(index: Index) -> set[str]:
    return {entry.name for entry in index.public.entries("")}


def waiting(index: Index) -> set[str]:
    with index.db.read() as conn:
        return set(conn.execute(select(superseded.c.name)).scalars())


def test_nothing_goes_before_its_grace_and_everything_superseded_after(index: Index) -> None:
    for version in ("1.0", "1.1", "1.2"):
        index.wait(minutes=1)
        index.upload("alpha", version)
        index.settle_everything()
    before = everything(index)
    due = waiting(index)
    assert any(".snapshot.json" in name for name in due)
    assert any(name.startswith("simple/alpha/") for name in due)
    swept = sweep(index.publisher, index.now)
    assert swept
    assert (swept.deleted, everything(index)) == (0, before)
    index.publish()  # the record stays where it was: within one day nothing is packed
    index.wait(hours=25)
    index.publish()
    swept = sweep(index.publisher, index.now)
    assert swept
    assert swept.deleted > 0
    left = everything(index)
    assert not {name for name in due if name in left and ".snapshot.json" not in name}
    base = read_base(index.public)
    assert all(index.public.exists(metadata_name(role, version)) for role, version in base.versions.items())


def test_a_returning_client_finds_all_it_needs_after_a_sweep(index: Index, tmp_path: Path) -> None:
    index.upload("alpha")
    index.settle_everything()
    folder = tmp_path / "client"
    folder.mkdir()
    first = client(index.public, index.root, folder)
    at_moment(first, index.now)
    first.refresh()
    for version in ("2.0", "3.0"):
        index.wait(hours=13)
        index.upload("alpha", version)
        index.settle_everything()
    index.wait(hours=25)
    index.publish()
    sweep(index.publisher, index.now)
    again = client(index.public, index.root, folder)
    at_moment(again, index.now)
    again.refresh()
    info = again.get_targetinfo("simple/alpha/index.json")
    assert info
    again.download_target(info, str(tmp_path / "page.json"))
    assert b"alpha-3.0" in (tmp_path / "page.json").read_bytes()


def test_rows_that_name_what_is_live_do_no_harm(sqlite_index: Index) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    base = read_base(index.public)
    live = [metadata_name(role, version) for role, version in base.versions.items()]
    live += [metadata_name("snapshot", base.n), metadata_name("root", 1), f"publications/{base.n}.json"]
    live += ["metadata/timestamp.json", "simple/alpha/index.html", f"packages/alpha/{next(iter(_wheels(index)))}"]
    with index.db.write() as tx:
        supersede(tx, live, index.now - timedelta(days=3))
    swept = sweep(index.publisher, index.now)
    assert swept
    assert (swept.deleted, swept.kept) == (0, len(live))
    assert all(index.public.exists(name) for name in live)


def _wheels(index: Index) -> set[str]:
    names = (entry.name.rpartition("/")[2] for entry in index.public.entries("packages/"))
    return {name for name in names if name.endswith(".whl")}


@pytest.mark.parametrize(
    ("since_hour", "until_hour", "kept"), [(1, 23, False), (1, 24, True), (23, 25, True), (24, 47, False)]
)
def test_one_snapshot_a_day_is_kept(since_hour: int, until_hour: int, kept: bool) -> None:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    assert over_midnight(start + timedelta(hours=since_hour), start + timedelta(hours=until_hour)) is kept


def test_the_snapshot_that_was_live_at_midnight_stays_for_good(sqlite_index: Index) -> None:
    index = sqlite_index
    snapshots = []
    for hours in (1, 10, 4, 20):  # noon: 13:00, 23:00, over midnight 03:00, 23:00
        index.wait(hours=hours)
        index.upload("alpha", f"1.{hours}")
        index.settle_everything()
        snapshots.append(metadata_name("snapshot", read_base(index.public).n))
    index.wait(days=2)
    index.publish()
    sweep(index.publisher, index.now)
    assert [index.public.exists(name) for name in snapshots] == [False, True, False, True]
    assert sweep(index.publisher, index.now + timedelta(days=9))
    assert index.public.exists(snapshots[1])


def test_a_single_record_that_no_pack_holds_is_never_deleted(sqlite_index: Index) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    with index.db.write() as tx:
        supersede(tx, ["publications/1.json"], index.now - timedelta(days=3))
    sweep(index.publisher, index.now)
    assert index.public.exists("publications/1.json")


def test_what_a_burned_publication_left_is_swept(sqlite_index: Index) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    left = ["metadata/99.snapshot.json", "metadata/99.bin-1-0.json", "publications/99.json"]
    for name in left:
        index.public.create(name, b'{"at":"2026-01-05T12:00:00Z","publication":99}')
    with index.db.read() as conn:
        row = dict(conn.execute(select(publication).limit(1)).mappings().one())
    digest = hashlib.sha256(b'{"at":"2026-01-05T12:00:00Z","publication":99}').hexdigest()
    with index.db.write() as tx:
        tx.execute(
            insert(publication).values(row | {"n": 99, "attempt": "x", "state": "burned", "changes_sha256": digest})
        )
        supersede(tx, left, index.now - timedelta(days=3))
    sweep(index.publisher, index.now)
    assert not any(index.public.exists(name) for name in left)


def test_no_sweep_while_the_database_has_not_settled_what_is_live(sqlite_index: Index) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    with index.db.write() as tx:
        tx.execute(update(publication).values(state="open"))
    assert sweep(index.publisher, index.now) is None


def test_no_sweep_beside_another_publisher(sqlite_index: Index) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    other = index.new_publisher()
    index.publisher.lock.release()  # type: ignore[attr-defined]
    with other.lock.held() as mine:
        assert mine
        assert sweep(index.publisher, index.now) is None


def test_a_sweep_takes_so_many_and_says_whether_there_are_more(sqlite_index: Index) -> None:
    index = sqlite_index
    for version in range(4):
        index.upload("alpha", f"1.{version}")
        index.settle_everything()
    index.wait(days=2)
    index.publish()
    due = len(waiting(index))
    first = sweep(index.publisher, index.now, 3)
    assert first
    assert (first.deleted + first.kept, first.more, len(waiting(index))) == (3, True, due - 3)
    rest = sweep(index.publisher, index.now, due)
    assert rest
    assert not rest.more


@pytest.mark.parametrize(
    ("most", "took", "then"),
    [
        (100, 0.1, 100),
        (100, 0.05, 200),
        (100, 0.0, 200),  # never more than twice as many: the next may be dearer
        (100, 5.0, FEWEST),  # a bucket far away
        (1500, 0.01, AT_ONCE),
        (1000, 0.2, 500),
    ],
)
def test_a_sweep_is_as_large_as_is_short(most: int, took: float, then: int) -> None:
    assert slice_after(most, took) == then
