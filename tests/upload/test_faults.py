"""A full disk, a read-only store, a busy or failing database: one clear refusal, nothing half-written, a retry works."""

from __future__ import annotations

import contextlib
import errno
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from bonded.adapters.storage_files import FileStorage
from bonded.catalog.tables import file as file_table
from bonded.seams import StorageError
from bonded.upload.accept import UploadContext, accept
from bonded.upload.limits import UploadLimits
from bonded.upload.receive import Receiver
from bonded.values.refusals import Refusal
from tests.upload.conftest import Index
from tests.upload.making import body, form_fields, make_wheel


def files(index: Index) -> int:
    with index.db.read() as conn:
        return int(conn.execute(select(func.count()).select_from(file_table)).scalar_one())


class Failing:
    """A vault whose n-th call fails, before it acts or after."""

    def __init__(self, inner: FileStorage, at: int, after: bool) -> None:
        self._inner, self._at, self._after, self.calls = inner, at, after, 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._inner, name)

        def call(*args: Any) -> Any:
            if name == "delete":
                return real(*args)
            self.calls += 1
            failing = self.calls == self._at
            if failing and not self._after:
                raise StorageError("down") from OSError(errno.EIO, "down")
            done = real(*args)
            if failing:
                raise StorageError("done, but reported as failed")
            return done

        return call


@pytest.mark.parametrize("after", [False, True], ids=["failed", "done but reported as failed"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_each_call_of_the_vault_may_fail(lite: Index, at: int, after: bool) -> None:
    bearer = lite.bearer(lite.person("ann"))
    received = lite.receive(*make_wheel())
    vault = Failing(lite.vault, at, after)
    context = UploadContext(lite.db, vault, lite.limits, lite.mode)  # type: ignore[arg-type]
    with pytest.raises(Refusal) as caught:
        accept(context, received, bearer, bearer.actor("", ""), lite.now)
    assert caught.value.code == "storage-unavailable"
    assert vault.calls == at
    assert lite.stored() == []
    assert files(lite) == 0
    assert lite.upload(bearer, *make_wheel()).repeated is False


@contextlib.contextmanager
def failing_statement(index: Index, at: int, error: type[Exception]) -> Iterator[list[int]]:
    """The n-th statement of a writing transaction raises the driver's error."""
    seen = [0]

    def before(conn: Any, _cursor: Any, _statement: str, _parameters: Any, _context: Any, _many: bool) -> None:
        if not conn.info.get("immediate"):
            return
        seen[0] += 1
        if seen[0] == at:
            raise index.db.engine.dialect.dbapi.OperationalError("server closed the connection")  # type: ignore[union-attr]

    event.listen(index.db.engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(index.db.engine, "before_cursor_execute", before)


def test_each_statement_of_the_transaction_may_fail(index: Index) -> None:
    bearer = index.bearer(index.person("ann"))
    at = 0
    while True:
        at += 1
        with failing_statement(index, at, Exception) as seen:
            try:
                done = index.upload(bearer, *make_wheel())
            except Refusal as refusal:
                code = refusal.code
            else:
                break
        assert code == "database-busy"
        assert seen[0] == at
        assert files(index) == 0
    assert at > 8, "a first upload takes more statements than that"
    assert not done.repeated
    assert files(index) == 1


def test_a_commit_that_was_done_but_reported_as_failed_loses_nothing(
    lite: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    bearer = lite.bearer(lite.person("ann"))
    dialect = lite.db.engine.dialect
    real = dialect.do_commit

    def lie(connection: Any) -> None:
        real(connection)
        monkeypatch.setattr(dialect, "do_commit", real)
        raise dialect.dbapi.OperationalError("connection lost")  # type: ignore[union-attr]

    received = lite.receive(*make_wheel())
    with lite.db.read():
        pass
    calls = [0]

    def second(connection: Any) -> None:
        calls[0] += 1
        (lie if calls[0] == 2 else real)(connection)  # the first commit ends the look-up, the second is the upload's

    monkeypatch.setattr(dialect, "do_commit", second)
    with pytest.raises(Refusal) as caught:
        accept(lite.context, received, bearer, bearer.actor("", ""), lite.now)
    assert caught.value.code == "database-busy"
    assert files(lite) == 1
    assert len(lite.stored()) == 3, "what the row names is there"
    again = lite.upload(bearer, *make_wheel())
    assert again.repeated
    assert lite.vault.get(next(n for n in lite.stored() if n.count(".") == 1)).data == make_wheel()[1]


def test_a_locked_database_is_a_refusal_with_a_time_to_come_back(lite: Index) -> None:
    bearer = lite.bearer(lite.person("ann"))
    received = lite.receive(*make_wheel())

    def impatient(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA busy_timeout=50")

    event.listen(lite.db.engine, "connect", impatient)
    lite.db.engine.dispose()
    with lite.db.write(), pytest.raises(Refusal) as caught:
        accept(lite.context, received, bearer, bearer.actor("", ""), lite.now)
    assert (caught.value.code, caught.value.status, caught.value.retry_after) == ("database-busy", 503, 5)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 300 kB in memory."""
    with tempfile.TemporaryDirectory(prefix="b-") as where:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", where], check=True, capture_output=True)
        try:
            yield Path(where)
        finally:
            subprocess.run(["umount", where], check=True)


def can_mount() -> bool:
    with tempfile.TemporaryDirectory(prefix="b-") as where:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", where], capture_output=True)
        if done.returncode == 0:
            subprocess.run(["umount", where], check=True)
        return done.returncode == 0


def incompressible(size: int) -> tuple[str, bytes]:
    import random

    return make_wheel(files={"sample/data.bin": random.Random(1).randbytes(size)})


def test_a_full_disk_refuses_while_receiving_and_recovers(lite: Index, request: pytest.FixtureRequest) -> None:
    bearer = lite.bearer(lite.person("ann"))
    if not can_mount():
        # Without the right to mount, the quota of a process stands in for the disk's end.
        _limited_file_size(lite)
        return
    disk = request.getfixturevalue("small_disk")
    lite.spool = disk / "spool"
    lite.spool.mkdir()
    lite.vault = FileStorage(disk / "vault", private=True)
    filename, data = incompressible(400_000)
    receiver = Receiver(
        lite.limits, lite.spool, (form := body(form_fields(filename, data, "sample", "1.0"), filename, data))[0]
    )
    with pytest.raises(Refusal) as caught:
        for at in range(0, len(form[1]), 65536):
            receiver.feed(form[1][at : at + 65536])
        receiver.finish()
    assert (caught.value.code, caught.value.status) == ("storage-full", 507)
    assert list(lite.spool.iterdir()) == []
    assert not lite.upload(bearer, *make_wheel()).repeated


def test_a_full_vault_leaves_nothing_half_written(lite: Index, request: pytest.FixtureRequest) -> None:
    bearer = lite.bearer(lite.person("ann"))
    if not can_mount():
        _limited_file_size(lite)
        return
    lite.vault = FileStorage(request.getfixturevalue("small_disk") / "vault", private=True)
    with pytest.raises(Refusal) as caught:
        lite.upload(bearer, *incompressible(400_000))
    assert caught.value.code == "storage-full"
    assert lite.stored() == []
    assert files(lite) == 0
    assert not lite.upload(bearer, *make_wheel()).repeated


def _limited_file_size(index: Index) -> None:
    import resource
    import signal

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(Refusal) as caught:
            index.receive(*incompressible(400_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert caught.value.status in (503, 507)
    assert list(index.spool.iterdir()) == []


def test_limits_have_sensible_defaults() -> None:
    limits = UploadLimits()
    assert limits.max_file_bytes == 1024**3
    assert limits.freeze_after is None
