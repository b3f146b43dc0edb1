"""The process group, with real processes: ready once, restarted after a crash, ended gracefully or by force."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from bonded.serve.life import Life
from bonded.serve.listen import ListenError, bind
from tests.serve.running import PATIENCE, until

CLIENT = httpx.Client(verify=False, timeout=PATIENCE, limits=httpx.Limits(max_keepalive_connections=0))
"""A new connection for every request; making a client for each would read all certificates again."""

HEAD = """
import os, sys, time, signal
from datetime import datetime, UTC
from pathlib import Path
from bonded.serve.context import ServeContext, ServeSettings
from bonded.serve.group import GroupSettings, Member, run_group
from bonded.serve.listen import bind, url_of
from bonded.serve.process import run_http
from bonded.telemetry import logs, metrics

root = Path(sys.argv[1])
logs.configure("json", "info")
metrics.start(root / "metrics")

def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        (root / "slow").touch()
        time.sleep(1)
    if environ["PATH_INFO"] == "/die":
        os.kill(os.getpid(), signal.SIGKILL)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]

def say(text):
    print(text, flush=True)
"""

HTTP = """
sockets = bind("127.0.0.1", 0, 2)
context = ServeContext(root / "public", app, lambda kind: None, lambda: datetime.now(UTC))
def wait(life):
    life.ready()
    life.stop.wait()
    while (root / "hold").exists():  # the last to end; it must not keep the port open
        time.sleep(0.02)
members = [Member("worker", wait), *(Member(f"http-{n}", lambda life, one=one: run_http(context, one, life), one) for n, one in enumerate(sockets))]
sys.exit(run_group(members, lambda: say("ready " + url_of(sockets[0])), GroupSettings(stop_timeout=60)))
"""


class Group:
    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process, self.log = process, log
        self.url = ""

    def ready(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready"), (line, self.log.read_text())
        self.url = line.removeprefix("ready ").strip()
        return self.url

    def end(self, number: int = signal.SIGTERM, timeout: float = 2 * PATIENCE) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout)

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]


@contextmanager
def running(tmp_path: Path, script: str) -> Iterator[Group]:
    (tmp_path / "public").mkdir(exist_ok=True)
    log = tmp_path / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", HEAD + textwrap.dedent(script), str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
        )
    try:
        yield Group(process, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_both_processes_answer_and_figures_are_summed(tmp_path: Path) -> None:
    with running(tmp_path, HTTP) as group:
        url = group.ready()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
        pids = {CLIENT.get(url + "x").text for _ in range(60)}
        assert len(pids) == 2
        assert pids < {str(pid) for pid in group.children()}
        until(lambda: counted(url) >= 60)  # each process writes its figures down now and then
        assert counted(url) == 60
        assert group.end() == 0


def test_a_stop_that_reaches_the_children_first_is_no_fault_of_theirs(tmp_path: Path) -> None:
    """A terminal's Ctrl-C goes to all processes at once; here the parent is the last to wake."""
    with running(tmp_path, HTTP) as group:
        group.ready()
        children = group.children()
        group.process.send_signal(signal.SIGSTOP)
        for pid in (*children, group.process.pid):
            os.kill(pid, signal.SIGINT)
        until(lambda: not any(map(alive, children)))
        group.process.send_signal(signal.SIGCONT)
        assert group.process.wait(2 * PATIENCE) == 0
        assert group.log.read_text() == ""


def counted(url: str) -> float:
    """Answers of the application, by /metrics."""
    found = re.search(r'bonded_http_requests_total\{lane="web",status="200"\} (\S+)', CLIENT.get(url + "metrics").text)
    return float(found[1]) if found else 0.0


def test_a_killed_child_comes_back(tmp_path: Path) -> None:
    with running(tmp_path, HTTP) as group:
        url = group.ready()
        before = set(group.children())
        with pytest.raises(httpx.HTTPError):
            CLIENT.get(url + "die")
        until(lambda: len(set(group.children()) - before) == 1)
        until(lambda: len({CLIENT.get(url + "x").text for _ in range(20)}) == 2)
        assert "process ended" in group.log.read_text()
        assert 'process="http-' in CLIENT.get(url + "metrics").text
        assert group.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_requests_in_flight_finish(tmp_path: Path, number: int) -> None:
    with running(tmp_path, HTTP) as group:
        url = group.ready()
        with subprocess.Popen(["curl", "-s", url + "slow"], stdout=subprocess.PIPE, text=True) as asking:
            until((tmp_path / "slow").exists)
            began = time.monotonic()
            assert group.end(number) == 0
            assert time.monotonic() - began < 50, "nobody is waited for without need"
            assert asking.stdout is not None
            assert asking.stdout.read().isdigit()


def test_the_port_is_free_as_soon_as_the_stop_begins(tmp_path: Path) -> None:
    with running(tmp_path, HTTP) as group:
        url = group.ready()
        (tmp_path / "hold").touch()
        group.process.send_signal(signal.SIGTERM)
        until(lambda: not _answers(url), timeout=30)
        assert group.process.poll() is None
        (tmp_path / "hold").unlink()
        assert group.process.wait(PATIENCE) == 0


def _answers(url: str) -> bool:
    try:
        CLIENT.get(url, timeout=0.3)
    except httpx.ConnectError:
        return False
    except httpx.HTTPError:
        return True
    return True


def test_children_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, HTTP) as group:
        group.ready()
        children = group.children()
        assert len(children) == 3
        group.end(signal.SIGKILL)
        until(lambda: not any(alive(pid) for pid in children))


CRAMPED = """
import resource
from dataclasses import replace
resource.setrlimit(resource.RLIMIT_NOFILE, (60, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
sockets = bind("127.0.0.1", 0, 1)
settings = ServeSettings(most_connections=1000, idle_timeout=2.0)
context = ServeContext(root / "public", app, lambda kind: None, lambda: datetime.now(UTC), settings=settings)
members = [Member("http-0", lambda life: run_http(context, sockets[0], life), sockets[0])]
sys.exit(run_group(members, lambda: say("ready " + url_of(sockets[0])), GroupSettings(stop_timeout=60)))
"""


def test_a_process_without_descriptors_fills_no_log_and_goes_on(tmp_path: Path) -> None:
    with running(tmp_path, CRAMPED) as group:
        url = httpx.URL(group.ready())
        held = [socket.create_connection((url.host, url.port)) for _ in range(200)]
        try:
            until(lambda: "accept" in group.log.read_text())
            time.sleep(1.5)
            # As many tries as asyncio is allowed, once a second; its own measure would be the length of the queue.
            assert group.log.read_text().count("out of system resource") < 100
        finally:
            for one in held:
                one.close()
        assert CLIENT.get(group.url + "x").status_code == 200
        assert group.end() == 0


def test_one_that_cannot_run_ends_the_group(tmp_path: Path) -> None:
    script = """
    def fail(life):
        raise RuntimeError("no such thing, password=hunter22")
    def wait(life):
        life.ready()
        life.stop.wait()
        (root / "stopped").write_text("yes")
    settings = GroupSettings(first_pause=0.01, longest_pause=0.05, give_up=4)
    sys.exit(run_group([Member("bad", fail), Member("good", wait)], lambda: say("ready"), settings))
    """
    with running(tmp_path, script) as group:
        assert group.process.wait(PATIENCE) == 1
        assert (tmp_path / "stopped").read_text() == "yes"
        log = group.log.read_text()
        assert log.count('"process ended"') == 4
        assert "no such thing" in log
        assert "hunter22" not in log
        assert group.process.stdout is not None
        assert group.process.stdout.read() == ""  # never said to be ready


def test_one_that_told_its_reason_ends_without_a_traceback(tmp_path: Path) -> None:
    script = """
    def fail(life):
        raise SystemExit(1)
    settings = GroupSettings(first_pause=0.01, longest_pause=0.05, give_up=2)
    sys.exit(run_group([Member("bad", fail)], lambda: say("ready"), settings))
    """
    with running(tmp_path, script) as group:
        assert group.process.wait(PATIENCE) == 1
        log = group.log.read_text()
        assert log.count('"process ended"') == 2
        assert "process failed" not in log


def test_one_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    script = """
    def stubborn(life):
        life.ready()
        while True:
            time.sleep(1)
    sys.exit(run_group([Member("stubborn", stubborn)], lambda: say("ready"), GroupSettings(stop_timeout=0.5)))
    """
    with running(tmp_path, script) as group:
        group.ready()
        children = group.children()
        assert group.end() == 1
        assert not any(alive(pid) for pid in children)


def test_a_stop_right_after_the_start_is_not_lost(tmp_path: Path) -> None:
    script = """
    def wait(life):
        life.ready()
        life.stop.wait()
    members = [Member(str(n), wait) for n in range(8)]
    say("begun")
    sys.exit(run_group(members, lambda: say("ready"), GroupSettings(stop_timeout=60)))
    """
    for pause in (0.0, 0.01, 0.03):
        with running(tmp_path, script) as group:
            assert group.process.stdout is not None
            assert group.process.stdout.readline() == "begun\n"
            time.sleep(pause)
            began = time.monotonic()
            group.process.send_signal(signal.SIGTERM)
            assert group.process.wait(2 * PATIENCE) in (0, -signal.SIGTERM)
            assert time.monotonic() - began < 50, "nobody had to be killed"


def test_a_taken_port_is_one_sentence() -> None:
    (one,) = bind("127.0.0.1", 0, 1)
    with one, pytest.raises(ListenError, match="is in use by another program"):
        bind("127.0.0.1", one.getsockname()[1], 1)
    with pytest.raises(ListenError, match="is not an address of this machine"):
        bind("192.0.2.1", 0, 1)
    with pytest.raises(ListenError, match="is not an address of this machine"):
        bind("no such host", 0, 1)


def test_memory_is_shared(tmp_path: Path) -> None:
    """Children that do little add little: what the parent loaded is not copied."""
    script = """
    ballast = [object() for _ in range(800_000)]
    def wait(life):
        import gc; gc.collect()
        life.ready()
        life.stop.wait()
    sys.exit(run_group([Member(str(n), wait) for n in range(4)], lambda: say("ready"), GroupSettings()))
    """
    with running(tmp_path, script) as group:
        group.ready()
        sizes = [_pss(pid) for pid in [group.process.pid, *group.children()]]
        alone = _rss(group.process.pid)
        assert sum(sizes) < 1.6 * alone, (sizes, alone)
        assert group.end() == 0


def _pss(pid: int) -> int:
    found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def _rss(pid: int) -> int:
    found = re.search(r"^Rss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def test_life_calls_back_once() -> None:
    calls: list[str] = []
    life = Life()
    life.on_stop(lambda: calls.append("a"))
    life.end()
    life.end()
    life.on_stop(lambda: calls.append("b"))
    assert calls == ["a", "b"]
    assert life.stop.is_set()


def test_a_signal_is_heard_while_the_main_thread_takes_no_step() -> None:
    """It may come in the instant before the main thread goes to sleep for good; here that thread computes for minutes."""
    code = """
import hashlib, os, signal, threading
from bonded.serve.life import Life
life = Life()
life.obey_signals()
life.on_stop(lambda: (os.write(1, b"stopping"), os._exit(0)))
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
hashlib.pbkdf2_hmac("sha256", b"x", b"y", 1_000_000_000)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=PATIENCE)
    assert done.stdout == b"stopping"


def test_a_group_is_woken_by_the_interpreter_itself(tmp_path: Path) -> None:
    """So that no signal is lost between the last step of the parent and its sleep."""
    body = """
def announce():
    fd = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(fd, warn_on_full_buffer=False)
    say(f"ready {fd}")
members = [Member("worker", lambda life: (life.ready(), life.stop.wait()))]
sys.exit(run_group(members, announce, GroupSettings(stop_timeout=60)))
"""
    with running(tmp_path, body) as group:
        assert int(group.ready()) > 2
        assert group.end() == 0
