"""Take-down: the bytes go at once, stay away, and a file released meanwhile is never touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from bonded.adapters.purger_none import NoPurger
from bonded.catalog import change
from bonded.catalog.read import file as read_file
from bonded.db.jobs import enqueue, job
from bonded.tuf.takedown import objects
from bonded.values.states import FileState, ProjectStatus
from bonded.values.who import OPERATOR
from tests.support.plans import whole_tables
from tests.tuf_ops.index import Index


def names(index: Index, file_id: str) -> list[str]:
    with index.db.read() as conn:
        found = read_file(conn, file_id)
    assert found
    return objects(found)


def there(index: Index, file_id: str) -> list[str]:
    return [name for name in names(index, file_id) if index.public.exists(name)]


def due(index: Index, queue: str = "takedown") -> list[timedelta]:
    with index.db.read() as conn:
        rows = conn.execute(select(job.c.due).where(job.c.queue == queue).order_by(job.c.due)).scalars()
        return [at - index.now for at in rows]


def test_quarantine_removes_every_name_before_any_publication(index: Index) -> None:
    file_id = index.upload("alpha")
    index.settle_everything()
    assert len(there(index, file_id)) >= 3  # the file, its hash-prefixed name, its .metadata
    index.move("review.quarantine", file_id, FileState.QUARANTINED)
    assert index.work("takedown") == 1
    assert there(index, file_id) == []
    assert due(index) == [timedelta(seconds=60), timedelta(minutes=10)]
    name = f"file/packages/alpha/{index.filename(file_id)}"
    assert due(index, "purge") == [timedelta(0), timedelta(seconds=2)]
    index.work("purge")
    assert index.purged().count(name) == 1
    index.wait(seconds=2)  # what was being fetched meanwhile
    index.work("purge")
    assert index.purged().count(name) == 2


def test_it_looks_again_after_a_minute_and_after_ten(index: Index) -> None:
    file_id = index.upload("alpha")
    index.settle_everything()
    index.move("review.quarantine", file_id, FileState.QUARANTINED)
    index.work("takedown")
    index.public.create(names(index, file_id)[0], b"put back by a slow writer")
    index.wait(seconds=61)
    assert index.work("takedown") == 1
    assert there(index, file_id) == []
    index.public.create(names(index, file_id)[1], b"and again")
    index.wait(minutes=10)
    assert index.work("takedown") == 1
    assert there(index, file_id) == []
    assert due(index) == []


def test_a_file_released_meanwhile_is_left_alone(index: Index) -> None:
    file_id = index.upload("alpha")
    index.settle_everything()
    index.move("review.quarantine", file_id, FileState.QUARANTINED)
    index.move("review.release", file_id, FileState.PUBLIC)
    before = there(index, file_id)
    assert index.work("takedown") == 1
    assert there(index, file_id) == before
    assert before


def test_released_after_a_take_down_its_bytes_come_back(index: Index) -> None:
    file_id = index.upload("alpha")
    index.settle_everything()
    index.move("review.quarantine", file_id, FileState.QUARANTINED)
    index.settle_everything()
    assert there(index, file_id) == []
    index.move("review.release", file_id, FileState.PUBLIC)
    index.settle_everything()
    assert len(there(index, file_id)) >= 3
    index.wait(minutes=20)
    index.work()
    assert len(there(index, file_id)) >= 3


def test_released_before_any_publication_its_bytes_come_back_too(index: Index) -> None:
    file_id = index.upload("alpha")
    index.settle_everything()
    before = there(index, file_id)
    index.move("review.quarantine", file_id, FileState.QUARANTINED)
    index.work("takedown")
    assert there(index, file_id) == []
    index.move("review.release", file_id, FileState.PUBLIC)  # the publisher was down all the while
    index.settle_everything()
    assert there(index, file_id) == [name for name in before if not name.endswith((".gz", ".zst"))]


def test_a_project_released_before_any_publication_gets_its_bytes_back(index: Index) -> None:
    file_id = index.upload("alpha")
    index.settle_everything()
    for action, status in (
        ("review.quarantine-project", ProjectStatus.QUARANTINED),
        ("review.release-project", ProjectStatus.ACTIVE),
    ):
        with index.db.write() as tx:
            change.set_status(tx, action, OPERATOR, "alpha", status, reason="because", now=index.now)
        index.work("takedown")
        assert bool(there(index, file_id)) == (status is ProjectStatus.ACTIVE)


def test_a_name_that_another_file_has_now_is_left_alone(index: Index) -> None:
    never_public = index.upload("alpha", public=False)
    index.move("review.remove", never_public, FileState.REMOVED)
    second = index.upload("alpha", data=b"other bytes")
    index.settle_everything()
    with index.db.write() as tx:
        enqueue(tx, "takedown", f"takedown:{never_public}", {"file_id": never_public}, now=index.now)
    index.work("takedown")
    assert len(there(index, second)) >= 3


def test_a_quarantined_project_loses_all_bytes_and_gets_them_back(index: Index) -> None:
    files = [index.upload("alpha", version) for version in ("1.0", "2.0")]
    index.settle_everything()
    with index.db.write() as tx:
        change.set_status(
            tx,
            "review.quarantine-project",
            OPERATOR,
            "alpha",
            ProjectStatus.QUARANTINED,
            reason="taken over",
            now=index.now,
        )
    index.work("takedown")
    assert [there(index, file_id) for file_id in files] == [[], []]
    index.settle_everything()
    with index.db.write() as tx:
        change.set_status(
            tx, "review.release-project", OPERATOR, "alpha", ProjectStatus.ACTIVE, reason="cleared", now=index.now
        )
    index.settle_everything()
    assert all(len(there(index, file_id)) >= 3 for file_id in files)


def test_an_owners_removal_is_published_before_the_bytes_go(index: Index) -> None:
    file_id = index.upload("alpha")
    index.settle_everything()
    with index.db.write() as tx:
        change.delete_file(tx, OPERATOR, file_id, reason="", now=index.now)
    index.work()
    assert len(there(index, file_id)) >= 3
    index.settle_everything()
    assert index.filename(file_id).encode() not in index.public.get("simple/alpha/index.html").data
    assert len(there(index, file_id)) >= 3  # while caches may show the older page
    index.wait(seconds=2)
    index.work()  # the plain page is there: it is purged, and its time in caches begins
    index.wait(seconds=79)
    index.work()
    assert len(there(index, file_id)) >= 3
    index.wait(seconds=2)
    index.work()
    assert there(index, file_id) == []


def removed(index: Index, project: str = "alpha") -> str:
    file_id = index.upload(project)
    index.settle_everything()
    with index.db.write() as tx:
        change.delete_file(tx, OPERATOR, file_id, reason="", now=index.now)
    index.publish()
    return file_id


def test_an_owners_removal_waits_for_the_plain_page(index: Index) -> None:
    file_id = removed(index)
    for _ in range(40):
        index.wait(seconds=10)
        index.work("takedown", "purge")  # but nobody copies pages
    assert len(there(index, file_id)) >= 3
    index.work("plain")
    for _ in range(3):
        index.wait(seconds=80)
        index.work("takedown", "purge")
    assert there(index, file_id) == []


def test_an_owners_removal_waits_until_the_purge_is_confirmed(index: Index) -> None:
    file_id = removed(index)
    index.work("plain")
    index.purger._path.unlink(missing_ok=True)
    index.purger._path.mkdir()
    for _ in range(10):
        index.wait(seconds=80)
        index.work("takedown", "purge")
    assert len(there(index, file_id)) >= 3
    index.purger._path.rmdir()
    for _ in range(3):
        index.wait(seconds=80)
        index.work("takedown", "purge")
    assert there(index, file_id) == []
    assert "project/alpha" in index.purged()


def test_an_urgent_take_down_does_not_wait_for_an_owners_removal(index: Index) -> None:
    file_id = removed(index)
    with index.db.write() as tx:  # what quarantine queues
        enqueue(tx, "takedown", f"takedown:{file_id}", {"file_id": file_id}, now=index.now)
    index.work("takedown")
    assert there(index, file_id) == []


def test_a_purger_that_does_not_confirm_is_asked_again(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    purge = index.purger.purge
    monkeypatch.setattr(index.purger, "purge", lambda keys: (asked.append(1), purge(keys)))
    files = [index.upload(name) for name in ("alpha", "beta", "gamma")]
    index.settle_everything()
    index.purger._path.unlink(missing_ok=True)
    index.purger._path.mkdir()
    for file_id in files:
        index.move("review.quarantine", file_id, FileState.QUARANTINED)
    index.work("takedown")
    assert [there(index, file_id) for file_id in files] == [[], [], []]  # the origin at least, whatever caches do
    asked.clear()
    index.work("purge")
    assert len(asked) == 1  # the others wait with it, so that a cache that is down is asked once
    assert min(due(index, "purge")) > timedelta(0)
    index.purger._path.rmdir()
    index.wait(seconds=60)
    index.work("purge")
    assert len(asked) == 2
    assert {f"file/packages/{n}/{n}-1.0-py3-none-any.whl" for n in ("alpha", "beta", "gamma")} <= set(index.purged())
    assert due(index, "purge") == []


def test_without_a_purger_no_purge_is_ever_queued(index: Index) -> None:
    index.publisher = replace(index.publisher, purger=NoPurger(timedelta(seconds=5)))
    file_id = index.upload("alpha")
    index.settle_everything()
    index.move("review.quarantine", file_id, FileState.QUARANTINED)
    assert index.work("takedown") == 1
    assert due(index, "purge") == []
    second = removed(index, "beta")
    for _ in range(3):
        index.wait(seconds=80)
        index.work()
    assert there(index, second) == []


def test_a_file_that_the_database_does_not_know_is_nobodys_business(index: Index) -> None:
    with index.db.write() as tx:
        enqueue(tx, "takedown", "takedown:x", {"file_id": "x"}, now=index.now)
    assert index.work("takedown") == 1
    assert due(index) == []


def test_a_take_down_reads_no_table_whole(sqlite_index: Index) -> None:
    """It does so under the database's lock, on each of its three looks."""
    index = sqlite_index
    file_id = index.upload("alpha")
    index.settle_everything()
    index.move("review.quarantine", file_id, FileState.QUARANTINED)
    with whole_tables() as found:
        assert index.work("takedown")
    assert found == []
