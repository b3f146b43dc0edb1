"""The contract of Queue, against the local adapter."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from bonded.adapters.queue_local import LocalQueue, _poke

SECOND = timedelta(seconds=1)
NOTHING = timedelta(0)


@pytest.fixture
def queue(folder: Path):
    made = LocalQueue(folder / "wake")
    yield made
    made.close()


def test_a_wake_ends_the_wait_at_once(queue: LocalQueue, folder: Path) -> None:
    queue.wait(["screen"], NOTHING)
    other = LocalQueue(folder / "wake")
    threading.Timer(0.05, other.wake, [["screen"]]).start()
    began = time.monotonic()
    assert queue.wait(["screen"], SECOND * 60)
    assert time.monotonic() - began < 30  # a machine may stand still for some seconds; the end of the wait is far


def test_a_wake_before_the_wait_is_not_lost(queue: LocalQueue) -> None:
    queue.wait(["screen"], NOTHING)
    queue.wake(["screen"])
    assert queue.wait(["screen"], SECOND)
    assert not queue.wait(["screen"], NOTHING)


def test_a_wake_of_another_queue_is_not_heard(queue: LocalQueue) -> None:
    queue.wait(["screen"], NOTHING)
    queue.wake(["mail"])
    assert not queue.wait(["screen"], NOTHING)


def test_a_full_pipe_neither_blocks_nor_fails(queue: LocalQueue, folder: Path) -> None:
    queue.wait(["screen"], NOTHING)
    (pipe,) = (folder / "wake").glob("screen.*.fifo")
    end = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(end, b"!" * 4096)
    os.close(end)
    queue.wake(["screen"])
    assert queue.wait(["screen"], NOTHING)
    queue.wake(["nobody"])


def test_a_pipe_of_a_killed_process_is_cleared_away(queue: LocalQueue, folder: Path) -> None:
    child = os.fork()
    if child == 0:
        LocalQueue(folder / "wake").wait(["screen"], SECOND * 90)
        os._exit(0)
    deadline = time.monotonic() + 60
    while not (pipes := list((folder / "wake").glob("screen.*.fifo"))) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(pipes) == 1
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    queue.wake(["screen"])
    assert not list((folder / "wake").glob("screen.*.fifo"))


def test_two_threads_that_wait_for_one_queue_are_both_woken(queue: LocalQueue, folder: Path) -> None:
    other = LocalQueue(folder / "wake")
    queue.wait(["screen"], NOTHING)
    other.wait(["screen"], NOTHING)
    queue.wake(["screen"])
    assert queue.wait(["screen"], SECOND)
    assert other.wait(["screen"], SECOND)
    other.close()


def test_a_process_with_many_open_files_can_wait(queue: LocalQueue) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    held = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while held[-1] <= 1024:  # where select(2) ends
            held.append(os.open(os.devnull, os.O_RDONLY))
        queue.wait(["screen"], NOTHING)
        queue.wake(["screen"])
        assert queue.wait(["screen"], SECOND)
    finally:
        for one in held:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_waker_short_of_descriptors_takes_no_pipe_away(queue: LocalQueue, folder: Path) -> None:
    queue.wait(["screen"], NOTHING)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    (pipe,) = (folder / "wake").glob("screen.*.fifo")
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) // 2, limits[1]))
    try:
        _poke(pipe)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    queue.wake(["screen"])
    assert queue.wait(["screen"], SECOND)


def test_processes_of_one_number_are_both_woken(queue: LocalQueue, folder: Path) -> None:
    """In two containers that share the folder both are the seventh, and so is each one's first queue."""
    program = "import sys; from datetime import timedelta; from pathlib import Path; import os; os.getpid = lambda: 7; "
    program += "from bonded.adapters.queue_local import LocalQueue, _poke; queue = LocalQueue(Path(sys.argv[1])); "
    program += (
        "print(queue.wait(['screen'], timedelta()), flush=True); print(queue.wait(['screen'], timedelta(seconds=60)))"
    )
    words = [sys.executable, "-c", program, str(folder / "wake")]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for one in both:
        assert one.stdout
        assert one.stdout.readline() == "False\n"
    queue.wake(["screen"])
    assert [one.communicate(timeout=90)[0] for one in both] == ["True\n", "True\n"]


def test_a_worker_that_starts_clears_away_what_was_left(queue: LocalQueue, folder: Path) -> None:
    (folder / "wake").mkdir()
    os.mkfifo(folder / "wake" / "screen.left.fifo")
    queue.wait(["screen"], NOTHING)
    (pipe,) = (folder / "wake").glob("screen.*.fifo")
    assert pipe.name != "screen.left.fifo"
    assert not queue.wait(["screen"], NOTHING)
