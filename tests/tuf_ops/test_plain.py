"""Plain copies: what pip reads is the live signed page, never an older one, and its documents agree with it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import orjson
import pytest
import zstandard
from sqlalchemy import Connection, select, update

from bonded.catalog import change
from bonded.catalog.osv_records import Affected, Record
from bonded.catalog.vulnerabilities import merge
from bonded.db.engine import Tx
from bonded.db.jobs import Job, claim, enqueue, job
from bonded.tuf import document_jobs, plain, put
from bonded.tuf.context import Publisher
from bonded.tuf.documents import Basis, Change
from bonded.tuf.plain import NotCopied
from bonded.tuf.tables import page
from bonded.values.serials import serial_of, with_serial, without_serial
from bonded.values.states import ProjectStatus
from bonded.values.who import OPERATOR
from tests.tuf_ops.index import Index


def live(index: Index, key: str, form: str = "json") -> bytes:
    """The signed page that is live."""
    with index.db.read() as conn:
        row = conn.execute(select(page).where(page.c.project_key == key)).one()
    sha256 = row.json_sha256 if form == "json" else row.html_sha256
    return index.public.get(f"simple/{key}/{sha256}.index.{form}").data


def copy(index: Index, key: str, form: str = "json") -> bytes:
    return index.public.get(f"simple/{key}/index.{form}").data


def document(index: Index, *parts: str) -> dict[str, object]:
    return orjson.loads(index.public.get("/".join(("pypi", *parts, "json"))).data)


AFFECTED = Affected(versions=("1.0",), ranges=())
VULNERABLE = Record("PYSEC-1", "", "", (), "", None, datetime(2026, 1, 1, tzinfo=UTC), None, {"alpha": AFFECTED})


def take(index: Index) -> Job:
    with index.db.write() as tx:
        taken = claim(tx, ["plain"], now=index.now, lease=timedelta(minutes=1))
    assert taken
    return taken


@pytest.mark.parametrize("form", ["html", "json"])
def test_the_copy_is_the_live_page_in_every_encoding(index: Index, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "WORTH", 1)
    monkeypatch.setattr(put, "WORTH", 1)
    index.upload("alpha")
    index.settle_everything()
    wanted = live(index, "alpha", form)
    name = f"simple/alpha/index.{form}"
    assert copy(index, "alpha", form) == wanted
    assert gzip.decompress(index.public.get(f"{name}.gz").data) == wanted
    assert zstandard.ZstdDecompressor().decompress(index.public.get(f"{name}.zst").data) == wanted
    assert "project/alpha" in index.purged()


def test_a_page_that_one_round_trip_brings_has_no_compressed_copies(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as larger:
        larger.setattr(plain, "WORTH", 1)
        index.upload("alpha")
        index.settle_everything()
    name = "simple/alpha/index.json"
    assert index.public.exists(f"{name}.gz")
    assert index.public.exists(f"{name}.zst")
    index.wait(minutes=1)
    index.upload("alpha", "2.0")
    index.settle_everything()
    assert copy(index, "alpha") == live(index, "alpha")
    assert not index.public.exists(f"{name}.gz")  # it would show the page as it was
    assert not index.public.exists(f"{name}.zst")


def test_the_project_list_is_copied_too(index: Index) -> None:
    index.upload("alpha")
    index.settle_everything()
    names = [p["name"] for p in orjson.loads(index.public.get("simple/index.json").data)["projects"]]
    assert names == ["alpha"]


def test_a_late_job_never_puts_an_older_page_over_a_newer_one(index: Index) -> None:
    index.upload("alpha", "1.0")
    index.publish()
    late = take(index)
    index.wait(minutes=2)
    index.upload("alpha", "2.0")
    index.settle_everything()
    plain.handle(index.publisher, late, index.now)
    assert copy(index, "alpha") == live(index, "alpha")
    assert b"alpha-2.0" in copy(index, "alpha")


def test_one_job_takes_stale_copies_along_and_their_jobs_go(index: Index) -> None:
    keys = [f"p{n}" for n in range(40)]
    for key in keys:
        index.upload(key)
    index.publish()
    assert index.work("plain") < 10
    assert all(copy(index, key) == live(index, key) for key in keys)
    with index.db.read() as conn:
        assert conn.execute(select(job.c.id).where(job.c.queue == "plain")).all() == []
        assert conn.execute(select(page.c.project_key).where(page.c.plain_n != page.c.n)).all() == []


@pytest.mark.parametrize(("queue", "call"), [("plain", "put_copy"), ("documents", "put")])
def test_uploads_go_on_while_a_store_takes_its_time(
    index: Index, monkeypatch: pytest.MonkeyPatch, queue: str, call: str
) -> None:
    """A bucket far away takes seconds for the copies of a project."""
    index.upload("alpha")
    index.publish()
    if queue == "documents":
        index.work("plain")
    begun, go = threading.Event(), threading.Event()
    real = getattr(index.public, call)

    def slowly(*given: object) -> object:
        begun.set()
        assert go.wait(60)
        return real(*given)

    with monkeypatch.context() as slow:
        slow.setattr(index.public, call, slowly)
        copying = threading.Thread(target=index.work, args=(queue,))
        copying.start()
        try:
            assert begun.wait(60)
            index.upload("beta")  # SQLite's patience would end with an error
        finally:
            go.set()
            copying.join()
    index.settle_everything()
    assert copy(index, "alpha") == live(index, "alpha")


@pytest.mark.parametrize("locked", [0.0, 60.0])
def test_a_lock_is_let_go_when_copies_take_long(index: Index, locked: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others write to the index between two projects, not only after all of them."""
    keys = [f"p{n}" for n in range(6)]
    for key in keys:
        index.upload(key)
    index.publish()
    locks: list[list[str]] = []
    real = plain.lock_pages

    def noting(tx: Tx, wanted: Sequence[str], *, wait: bool) -> dict[str, plain.Live | None]:
        locks.append(list(wanted))
        return real(tx, wanted, wait=wait)

    monkeypatch.setattr(plain, "lock_pages", noting)
    monkeypatch.setattr(plain, "LOCKED", locked)
    index.work("plain")
    assert all(copy(index, key) == live(index, key) for key in keys)
    many = next(lock for lock in locks if len(lock) > 1)
    after = locks[locks.index(many) + 1 :][: len(many) - 1]
    assert (after == [sorted(many)[n:] for n in range(1, len(many))]) is (locked == 0)


def test_large_pages_are_compressed_before_anything_is_locked(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that changes in between is compressed as it is then."""
    monkeypatch.setattr(plain, "WORTH", 0)
    monkeypatch.setattr(put, "WORTH", 0)
    index.settle_everything()
    index.upload("alpha", "2.0")
    index.publish()
    made: list[bytes] = []

    def watched(data: bytes) -> bytes:
        if not made:
            index.upload("alpha", "3.0")  # it waits for ever where somebody has the lock
            index.publish()
        made.append(data)
        return gzip.compress(data, mtime=0)

    monkeypatch.setattr(plain, "gz", watched)
    plain.handle(index.publisher, take(index), index.now)
    for form in ("html", "json"):
        page = index.public.get(f"simple/alpha/index.{form}").data
        assert b"alpha-3.0" in page
        assert gzip.decompress(index.public.get(f"simple/alpha/index.{form}.gz").data) == page
        assert made.count(page) == 1


def test_a_page_that_changes_while_its_copy_is_marked_keeps_its_job(index: Index) -> None:
    index.upload("alpha")
    index.upload("beta")
    index.publish()
    first = take(index)
    effects = plain.handle(index.publisher, first, index.now)
    assert effects
    index.wait(seconds=1)
    index.upload("alpha", "2.0")
    index.upload("beta", "2.0")
    index.publish()  # settles between the copy and its mark
    with index.db.write() as tx:
        effects(tx)
        left = set(tx.execute(select(job.c.key).where(job.c.queue == "plain", job.c.state == "pending")).scalars())
    assert {"plain:alpha", "plain:beta"} <= left
    index.work()
    assert b"2.0" in copy(index, "alpha")
    assert b"2.0" in copy(index, "beta")


def test_a_withdrawn_project_loses_its_copies_and_documents(index: Index) -> None:
    index.upload("alpha")
    index.settle_everything()
    with index.db.write() as tx:
        change.delete_project(tx, OPERATOR, "alpha", reason="", now=index.now)
    index.settle_everything()
    left = [entry.name for entry in index.public.entries("simple/alpha/")]
    assert not [name for name in left if name.rpartition("/")[2].startswith("index.")]
    assert list(index.public.entries("pypi/alpha/")) == []


def test_the_json_api_shows_what_the_page_shows(index: Index) -> None:
    index.upload("alpha", "1.0")
    second = index.upload("alpha", "2.0")
    index.settle_everything()
    whole = document(index, "alpha")
    assert whole["info"]["version"] == "2.0"  # type: ignore[index]
    assert sorted(whole["releases"]) == ["1.0", "2.0"]  # type: ignore[call-overload]
    one = document(index, "alpha", "1.0")
    assert "releases" not in one
    assert one["urls"][0]["url"] == "http://localhost:8000/packages/alpha/alpha-1.0-py3-none-any.whl"  # type: ignore[index]
    serial = one["last_serial"]
    index.wait(minutes=1)
    with index.db.write() as tx:
        change.yank(tx, OPERATOR, second, reason="broken", now=index.now)
    index.settle_everything()
    whole = document(index, "alpha")
    assert whole["info"]["version"] == "1.0"  # type: ignore[index]  # a yanked version does not stand for the project
    yanked = document(index, "alpha", "2.0")["info"]
    assert (yanked["yanked"], yanked["yanked_reason"]) == (True, "broken")  # type: ignore[index]
    assert document(index, "alpha", "1.0")["last_serial"] == serial  # nothing changed in it
    assert whole["last_serial"] == orjson.loads(copy(index, "alpha"))["meta"]["_last-serial"]


def test_the_serial_of_a_projects_document_goes_with_its_page(index: Index) -> None:
    index.upload("alpha", "1.0")
    index.settle_everything()
    said = document(index, "alpha")
    index.wait(minutes=1)
    with index.db.write() as tx:
        change.set_status(tx, "project.archive", OPERATOR, "alpha", ProjectStatus.ARCHIVED, reason="", now=index.now)
    index.settle_everything()
    page_serial = orjson.loads(copy(index, "alpha"))["meta"]["_last-serial"]
    assert document(index, "alpha")["last_serial"] == page_serial > said["last_serial"]  # type: ignore[operator]
    raw = index.public.get("pypi/alpha/json").data
    assert serial_of(raw) == str(page_serial)
    assert without_serial(raw) == without_serial(with_serial(without_serial(raw), 1))


def test_a_pre_release_stands_for_the_project_only_where_there_is_nothing_else(index: Index) -> None:
    index.upload("alpha", "2.0rc1")
    index.settle_everything()
    assert document(index, "alpha")["info"]["version"] == "2.0rc1"  # type: ignore[index]
    final = index.upload("alpha", "1.0")
    index.settle_everything()
    assert document(index, "alpha")["info"]["version"] == "1.0"  # type: ignore[index]
    with index.db.write() as tx:
        change.yank(tx, OPERATOR, final, reason="", now=index.now)
    index.settle_everything()
    assert document(index, "alpha")["info"]["version"] == "2.0rc1"  # type: ignore[index]


def test_documents_never_tell_what_is_not_published_yet(index: Index) -> None:
    index.upload("alpha", "1.0")
    index.publish()
    index.upload("alpha", "2.0")  # waits for the next publication
    index.work("plain")
    assert not index.public.exists("pypi/alpha/2.0/json")
    index.settle_everything()
    assert index.public.exists("pypi/alpha/2.0/json")


def documents_made(index: Index, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> list[list[str]]:
    """The projects of each time that documents were made; `happens` is called after the first."""
    index.upload("alpha", "1.0")
    index.publish()
    index.work("plain")
    ours = document_jobs.changes
    made: list[list[str]] = []

    def then(p: Publisher, conn: Connection, found: Mapping[str, Basis]) -> dict[str, Change]:
        result = ours(p, conn, found)
        made.append(sorted(found))
        if len(made) == 1:
            happens()
        return result

    monkeypatch.setattr(document_jobs, "changes", then)
    index.work("documents")
    return made


@pytest.mark.parametrize("what", ["published", "waits", "withdrawn", "vulnerable"])
def test_documents_made_before_a_change_are_not_written_after_it(
    index: Index, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def happens() -> None:
        if what == "withdrawn":
            with index.db.write() as tx:
                change.delete_project(tx, OPERATOR, "alpha", reason="", now=index.now)
            index.publish()
        elif what == "vulnerable":
            with index.db.write() as tx:
                merge(tx, {"PYSEC-1": VULNERABLE}, keep=True)
        else:
            index.upload("alpha", "2.0")
            if what == "published":
                index.publish()

    made = documents_made(index, monkeypatch, happens)
    assert made[:2] == [["alpha"], ["alpha"]]  # made early, and again under the lock
    if what == "published":
        assert document(index, "alpha")["info"]["version"] == "2.0"  # type: ignore[index]
    elif what == "vulnerable":
        assert document(index, "alpha")["vulnerabilities"]
    else:
        assert list(index.public.entries("pypi/alpha/")) == []


def test_documents_are_not_made_under_the_lock_when_nothing_changed(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert documents_made(index, monkeypatch, lambda: None) == [["alpha"], []]
    assert document(index, "alpha", "1.0")


def test_a_quarantined_project_shows_no_files(index: Index) -> None:
    index.upload("alpha")
    index.settle_everything()
    with index.db.write() as tx:
        change.set_status(
            tx, "review.quarantine-project", OPERATOR, "alpha", ProjectStatus.QUARANTINED, reason="x", now=index.now
        )
    index.settle_everything()
    assert orjson.loads(copy(index, "alpha"))["files"] == []
    assert list(index.public.entries("pypi/alpha/")) == []


def test_what_does_not_read_back_brings_the_job_back(sqlite_index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index = sqlite_index
    index.upload("alpha")
    index.publish()
    monkeypatch.setattr(type(index.public), "put_copy", lambda *_: None)
    with pytest.raises((NotCopied, Exception), match=r"index\.html"):
        plain.handle(index.publisher, take(index), index.now)
    monkeypatch.undo()
    index.wait(minutes=2)
    with index.db.write() as tx:
        enqueue(tx, "plain", "plain:alpha", {"project": "alpha"}, now=index.now)
    index.work()
    assert copy(index, "alpha") == live(index, "alpha")


def test_after_a_restore_every_copy_is_written_whatever_its_row_says(index: Index) -> None:
    index.upload("alpha")
    index.settle_everything()
    index.path("simple/alpha/index.html").unlink()  # it is one file with the signed page, which stays
    index.path("simple/alpha/index.html").write_bytes(b"older")
    with index.db.write() as tx:
        tx.execute(update(page).values(plain_n=page.c.n))
    assert plain.copy_all(index.publisher, index.now) == 2  # the project and the list
    assert copy(index, "alpha", "html") == live(index, "alpha", "html")
