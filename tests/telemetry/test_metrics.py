"""Figures: in one process, and summed over processes that come and go."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bonded.telemetry import metrics
from bonded.telemetry.figure_file import ROOM
from bonded.telemetry.measures import (
    ALL,
    BATCH,
    CONNECTIONS,
    JOBS_WAITING,
    REQUESTS,
    SECONDS_TAKEN,
    STEP_SECONDS,
    Kind,
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    metrics.start(tmp_path / "metrics")
    yield tmp_path / "metrics"
    metrics.stop()


def read() -> dict[str, float]:
    lines = metrics.render().decode().splitlines()
    return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def in_child(work: Callable[[], None]) -> int:
    """Run in a child; its pid, once it has ended."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    return pid


def test_alone() -> None:
    metrics.stop()
    metrics.count(REQUESTS, 2, lane="web", status="200")
    metrics.took(SECONDS_TAKEN, 0.2, lane="web")
    metrics.level(CONNECTIONS, 4)
    found = read()
    assert found['bonded_http_requests_total{lane="web",status="200"}'] == 2
    assert found['bonded_http_seconds_count{lane="web"}'] == 1
    assert found['bonded_http_seconds_bucket{lane="web",le="0.1"}'] == 0
    assert found['bonded_http_seconds_bucket{lane="web",le="0.25"}'] == 1
    assert found["bonded_http_connections"] == 4
    metrics.stop()


def test_threads_that_count_the_same_for_the_first_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several uploads are screened at once by a worker that has just started."""
    make = metrics._Meter._make

    def slowly(meter: Any, measure: Any) -> Any:
        time.sleep(0.05)
        return make(meter, measure)

    monkeypatch.setattr(metrics._Meter, "_make", slowly)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: metrics.took(SECONDS_TAKEN, 0.2, lane="web"), range(4)))
    assert read()['bonded_http_seconds_count{lane="web"}'] == 4


def test_a_figure_without_room_is_lost_and_nothing_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        metrics.count(REQUESTS, lane="web", status="200")
        metrics.took(SECONDS_TAKEN, 0.2, lane="web")
        metrics.level(CONNECTIONS, 4)
        assert read() == {}
    metrics.count(REQUESTS, lane="web", status="200")
    assert read() == {'bonded_http_requests_total{lane="web",status="200"}': 1}


def test_files_have_no_holes(folder: Path) -> None:
    """The system ends a process that writes into a hole which cannot be filled."""
    for number in range(2000):
        metrics.count(REQUESTS, lane="web", status=str(number))
    (path,) = folder.glob("*/*.db")
    assert path.stat().st_size > 2 * ROOM
    assert path.stat().st_blocks * 512 >= path.stat().st_size
    assert len(read()) == 2000


def test_counters_outlive_processes_and_levels_do_not(folder: Path) -> None:
    def work() -> None:
        metrics.count(REQUESTS, 5, lane="web", status="200")
        metrics.took(SECONDS_TAKEN, 0.2, lane="web")
        metrics.level(CONNECTIONS, 3)

    metrics.count(REQUESTS, lane="web", status="200")
    pids = [in_child(work) for _ in range(3)]
    found = read()
    assert found['bonded_http_requests_total{lane="web",status="200"}'] == 16
    assert found['bonded_http_seconds_count{lane="web"}'] == 3
    assert found["bonded_http_connections"] == 9
    for pid in pids:
        metrics.gone(pid)
    found = read()
    assert "bonded_http_connections" not in found
    assert found['bonded_http_requests_total{lane="web",status="200"}'] == 16


def test_a_new_group_begins_at_zero(folder: Path) -> None:
    metrics.count(REQUESTS, lane="web", status="200")
    metrics.start(folder)
    assert read() == {}


def test_groups_of_one_folder_are_summed_and_do_not_forget_each_other(folder: Path) -> None:
    """web, worker and publisher as units of their own, one of which starts again."""
    metrics.count(REQUESTS, 2, lane="web", status="200")

    def other() -> None:
        metrics.start(folder, "publisher")
        metrics.count(REQUESTS, 5, lane="web", status="200")
        metrics.took(STEP_SECONDS, 0.2, step="put")

    in_child(other)
    found = read()
    assert found['bonded_http_requests_total{lane="web",status="200"}'] == 7
    assert found['bonded_publication_step_seconds_count{step="put"}'] == 1
    in_child(lambda: metrics.start(folder, "publisher"))
    assert read()['bonded_http_requests_total{lane="web",status="200"}'] == 2


def test_a_block_is_timed_however_it_ends() -> None:
    metrics.stop()
    with metrics.timed(STEP_SECONDS, step="put"):
        pass
    with pytest.raises(OSError, match="full"), metrics.timed(STEP_SECONDS, step="put"):
        raise OSError("full")
    found = read()
    assert found['bonded_publication_step_seconds_count{step="put"}'] == 2
    metrics.sized(BATCH, 7)
    found = read()
    assert (
        found['bonded_publication_batch_changes_bucket{le="5.0"}'],
        found["bonded_publication_batch_changes_sum"],
    ) == (
        0,
        7,
    )
    metrics.stop()


def test_levels_that_are_read() -> None:
    text = metrics.render([(JOBS_WAITING, {"queue": "screen"}, 3), (JOBS_WAITING, {"queue": "mail"}, 0)]).decode()
    assert 'bonded_jobs_waiting{queue="screen"} 3.0' in text
    assert text.count("# HELP bonded_jobs_waiting ") == 1


def test_every_measure_is_named_and_explained() -> None:
    for name, measure in ALL.items():
        assert name.startswith("bonded_")
        assert measure.help[0].isupper()
        assert not measure.help.endswith(".")
        if measure.kind is not Kind.LEVEL:
            assert not name.endswith("_total")
