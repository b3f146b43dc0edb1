"""Status and the public record: what `bonded tuf status` and `bonded tuf compare` tell."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from sqlalchemy import select, update

from bonded.db.jobs import enqueue, job
from bonded.tuf.base import read_base
from bonded.tuf.binfile import Target
from bonded.tuf.compare import changes_of, compare, difference, fold, since
from bonded.tuf.status import fingerprint, status
from bonded.tuf.status_rows import queues
from bonded.tuf.tables import bin_table
from bonded.tuf.trust import Untrusted
from bonded.values.states import FileState
from tests.tuf_ops.index import Index

ONE, TWO = Target("1" * 64, 1), Target("2" * 64, 2)


def change(old: Target | None, new: Target | None) -> dict[str, object]:
    def facts(t: Target | None) -> dict[str, object] | None:
        return None if t is None else {"sha256": t.sha256, "length": t.length}

    return {"old": facts(old), "new": facts(new)}


def test_folding_and_comparing_are_pure() -> None:
    records = [
        {"targets": {"a": change(None, ONE), "b": change(None, ONE)}},
        {"targets": {"a": change(ONE, TWO), "b": change(ONE, None), "c": change(None, ONE)}},
        {"targets": {"c": change(ONE, None)}},
    ]
    assert fold(records) == {"a": TWO}
    later = changes_of(records[1:])
    assert (later.added, later.removed, later.changed) == ({}, {"b": ONE}, {"a": (ONE, TWO)})
    assert difference({"a": ONE}, {"a": ONE}).empty


def test_the_record_and_the_bins_agree_whatever_happened(index: Index) -> None:
    first = index.upload("alpha")
    index.settle_everything()
    good = read_base(index.public).n
    index.wait(minutes=1)
    index.upload("beta")
    index.move("review.quarantine", first, FileState.QUARANTINED)
    index.settle_everything()
    found = compare(index.public)
    assert found.difference.empty
    live, changed = since(index.public, good)
    assert live == found.live
    assert [path for path in changed.removed if path.startswith("packages/")] == [
        f"packages/alpha/{index.filename(first)}"
    ]
    assert "packages/beta/beta-1.0-py3-none-any.whl" in changed.added
    assert "simple/alpha/index.html" in changed.changed


def test_a_record_that_was_touched_is_refused(sqlite_index: Index) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.settle_everything()
    index.wait(minutes=1)
    index.upload("beta")
    middle = read_base(index.public).n
    index.settle_everything()
    path = index.path(f"publications/{middle}.json")
    changes = orjson.loads(path.read_bytes())
    changes["targets"] = {}
    path.unlink()
    path.write_bytes(orjson.dumps(changes, option=orjson.OPT_SORT_KEYS))
    with pytest.raises(Untrusted, match="not the one that was signed"):
        compare(index.public)
    path.unlink()
    with pytest.raises(Untrusted, match="neither in the store nor in a pack"):
        compare(index.public)


def test_status_of_an_index_at_work(index: Index) -> None:
    index.upload("alpha")
    index.settle_everything()
    index.upload("beta")
    found = status(index.db, index.public, index.now)
    assert found.live == read_base(index.public).n
    assert found.development
    assert {role.name for role in found.roles} == {"root", "targets", "pages", "bins", "snapshot", "timestamp"}
    assert [role.name for role in found.roles if role.online] == ["timestamp", "snapshot"]
    assert (found.bins, found.bins_overdue, found.rows_parked) == (8, 0, 0)
    with index.db.read() as conn:
        live = conn.execute(select(bin_table.c.version, bin_table.c.name)).all()
    assert found.longest_bin == max(len(index.public.read(f"metadata/{row.version}.{row.name}.json")) for row in live)
    assert found.rows_waiting == 2
    assert found.flips[0].n == found.live
    assert found.alarms == []


def test_a_queue_is_behind_by_what_is_due_and_not_by_what_is_planned(index: Index) -> None:
    """A withdrawn file is looked at again after ten minutes on purpose: no cache is late because of that."""
    later = index.now + timedelta(minutes=10)
    with index.db.write() as tx:
        enqueue(tx, "purge", "purge:planned", {"keys": []}, now=index.now, due=later)
    now = index.now + timedelta(minutes=5)
    with index.db.read() as conn:
        assert [(one.waiting, one.oldest_made) for one in queues(conn, now) if one.name == "purge"] == [(1, None)]
    with index.db.write() as tx:
        enqueue(tx, "purge", "purge:now", {"keys": []}, now=now, due=now)
    with index.db.read() as conn:
        assert [(one.waiting, one.oldest_made) for one in queues(conn, now) if one.name == "purge"] == [(2, now)]
        assert next(one for one in queues(conn, later) if one.name == "purge").oldest_made == index.now
    with index.db.write() as tx:
        tx.execute(update(job).where(job.c.key == "purge:now").values(last_error="away", due=later))
    with index.db.read() as conn:
        failing = next(one for one in queues(conn, now) if one.name == "purge")
    assert failing.oldest_made == now, "one that fails is behind while it rests, too"


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (timedelta(days=2), "The role timestamp has expired"),
        (timedelta(hours=22), "timestamp is valid for 2 h 0 min more"),
        (timedelta(days=300), "(days left: 65)"),
        (timedelta(days=2), "bins have expired"),
        (timedelta(minutes=6), "Changes wait to be published (2), the oldest for 6 min."),
        (timedelta(minutes=6), "A job of the queue plain has been due for 6 min."),
    ],
)
def test_alarms_come_in_time(sqlite_index: Index, later: timedelta, words: str) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.publish()
    index.upload("beta")
    found = status(index.db, index.public, index.now + later)
    told = [alarm.sentence() for alarm in found.alarms]
    assert any(words in sentence for sentence in told), told


def test_status_without_a_store_says_so(sqlite_index: Index) -> None:
    sqlite_index.public.delete("metadata/timestamp.json")
    found = status(sqlite_index.db, sqlite_index.public, sqlite_index.now)
    assert any("missing" in alarm.sentence() for alarm in found.alarms), found.alarms


def test_a_fingerprint_can_be_compared_by_eye() -> None:
    words = fingerprint(b"root").split()
    assert (len(words), {len(word) for word in words}) == (16, {4})
