"""The contract of a sandbox, held against every kind of it."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bonded.adapters import sandbox_landlock
from bonded.adapters.sandbox_bubblewrap import BubblewrapSandbox
from bonded.adapters.sandbox_client import ForkServer
from bonded.adapters.sandbox_pick import pick
from bonded.adapters.sandbox_rlimits import RlimitsSandbox
from bonded.adapters.sandbox_server import give_way
from tests.seams import sandbox_calls as calls

MIB = 1024 * 1024
ROOT = Path(__file__).parents[2]


class Rlimits(RlimitsSandbox):
    """The fallback, which can also import the suite's own calls."""

    def paths(self) -> list[str]:
        return [*super().paths(), str(ROOT)]


FALLBACK = "landlock" if sandbox_landlock.version() else "seccomp"
NO_NAMESPACES = BubblewrapSandbox().probe()
"""Why this machine can make no namespaces ("" where it can): containers and chroots often cannot. Then the fallback is what
files are screened in, and what is tested; that it is picked, and says why, has its own test."""


@pytest.fixture(scope="module", params=["rlimits"] if NO_NAMESPACES else ["bubblewrap", "rlimits"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[ForkServer]:
    made: ForkServer = (
        BubblewrapSandbox(extra=(ROOT,), preload=()) if request.param == "bubblewrap" else Rlimits(preload=())
    )
    yield made
    made.close()


def run(sandbox: ForkServer, call: object, argument: bytes = b"", **limits: object) -> object:
    values = {"cpu_seconds": 5.0, "memory_bytes": 128 * MIB, **limits}
    return sandbox.run(call, argument, **values)  # type: ignore[arg-type]


def value(sandbox: ForkServer, call: object, argument: bytes = b"", **limits: object) -> str:
    result = run(sandbox, call, argument, **limits)
    assert result.outcome == "ok", result  # type: ignore[attr-defined]
    return result.value.decode()  # type: ignore[attr-defined, no-any-return]


def test_it_says_what_is_in_force(sandbox: ForkServer) -> None:
    assert sandbox.level in ("bubblewrap", FALLBACK)


def test_a_call_gets_its_argument_and_gives_bytes(sandbox: ForkServer) -> None:
    assert value(sandbox, calls.echo, b"hello") == "hello"
    assert value(sandbox, calls.large, str(20 * MIB).encode()) == "x" * (20 * MIB)


def test_an_attachment_is_a_file_or_any_stream(sandbox: ForkServer, tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(b"x" * 100_000)
    with path.open("rb") as file:
        file.read(10)  # wherever the stream stands, the call reads from the start
        assert value(sandbox, calls.size_of_attachment, attachment=file) == "100000"
        assert file.tell() == 10
    assert value(sandbox, calls.size_of_attachment, attachment=io.BytesIO(b"x" * 70_000)) == "70000"


def test_an_attachment_cannot_be_written(sandbox: ForkServer, tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(b"x")
    with path.open("r+b") as file:
        assert value(sandbox, calls.attachment_is_read_only, attachment=file).startswith("refused")
    assert path.read_bytes() == b"x"


def test_no_network(sandbox: ForkServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        assert value(sandbox, calls.network, str(port).encode()).startswith("refused")
        with pytest.raises(TimeoutError):
            server.accept()


FORGED = {
    "a status that is none": (b"S" + (7).to_bytes(8, "big") + b"garbage", "ok"),
    "another status": (b"S" + (48).to_bytes(8, "big") + b"0 0.0 0".ljust(48), "ok"),
    "a frame without an end": (b"V" + (2**40).to_bytes(8, "big") + b"x", "crash"),
    "an error": (b"E" + (2).to_bytes(8, "big") + b"no", "ok"),
    "noise": (b"\xff" * 1000, "crash"),
    "too much": (b"V" + (2_000_000).to_bytes(8, "big") + b"x" * 2_000_000, "crash"),
}


@pytest.mark.parametrize("what", FORGED)
def test_what_a_child_writes_into_its_pipe_harms_only_itself(
    what: str, sandbox: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bonded.adapters.sandbox_wire.MAX_ANSWER", 1_000_000)
    assert value(sandbox, calls.echo, b"before") == "before"
    server = sandbox._server
    data, outcome = FORGED[what]
    result = run(sandbox, calls.writes_into_every_pipe, data)
    assert result.outcome == outcome, result  # type: ignore[attr-defined]
    assert value(sandbox, calls.echo, b"after") == "after"
    assert sandbox._server is server, "the server and the neighbours go on"


def test_files_of_the_machine_cannot_be_read(sandbox: ForkServer, tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_bytes(b"secret")
    if sandbox.level == "seccomp":
        # A kernel with neither namespaces nor Landlock: files are protected by the account's rights alone, as the level says.
        assert value(sandbox, calls.read_file, str(tmp_path / "passphrase").encode()) == "done"
        return
    for path in (tmp_path / "passphrase", Path("/etc/passwd"), Path("/etc/hostname")):
        assert value(sandbox, calls.read_file, str(path).encode()).startswith("refused")
    assert value(sandbox, calls.list_folder, str(tmp_path).encode()).startswith("refused")
    assert value(sandbox, calls.read_file, os.fsencode(calls.__file__)) == "done", "what it imports from, it may read"


def test_no_writes(sandbox: ForkServer, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    there = tmp_path / "there"
    there.write_bytes(b"kept")
    there.chmod(0o666)
    assert value(sandbox, calls.create_file, str(tmp_path / "new").encode()).startswith("refused")
    assert value(sandbox, calls.append_to_file, str(there).encode()).startswith("refused")
    assert value(sandbox, calls.remove_file, str(there).encode()).startswith("refused")
    assert value(sandbox, calls.create_anywhere) == ""
    assert there.read_bytes() == b"kept"
    assert [one.name for one in tmp_path.iterdir()] == ["there"]


def test_no_processes(sandbox: ForkServer) -> None:
    assert value(sandbox, calls.fork).startswith("refused")
    assert value(sandbox, calls.execute).startswith("refused")
    assert value(sandbox, calls.thread) == "refused"
    assert value(sandbox, calls.signal_parent).startswith("refused")
    assert value(sandbox, calls.echo, b"still here") == "still here"


def test_limits_cannot_be_raised(sandbox: ForkServer) -> None:
    assert value(sandbox, calls.raise_limits) == "refused"


def test_processor_time_ends(sandbox: ForkServer) -> None:
    result = run(sandbox, calls.spin, cpu_seconds=0.5)
    assert result.outcome == "timeout"  # type: ignore[attr-defined]
    assert 0.3 < result.cpu_seconds < 2.5  # type: ignore[attr-defined]


def test_the_clock_ends_a_sleeper(sandbox: ForkServer) -> None:
    start = time.monotonic()
    result = run(sandbox, calls.sleep, cpu_seconds=0.05)
    assert result.outcome == "timeout"  # type: ignore[attr-defined]
    assert time.monotonic() - start < 60, "it sleeps for an hour"


def test_memory_ends(sandbox: ForkServer) -> None:
    assert run(sandbox, calls.eat_memory, memory_bytes=64 * MIB).outcome == "memory"  # type: ignore[attr-defined]


def test_a_crash_and_a_defect_are_told_apart_from_results(sandbox: ForkServer) -> None:
    crashed = run(sandbox, calls.crash)
    assert crashed.outcome == "crash"  # type: ignore[attr-defined]
    failed = run(sandbox, calls.fail)
    assert (failed.outcome, failed.detail) == ("crash", "ValueError: a defect of ours")  # type: ignore[attr-defined]


def test_neighbours_are_unaffected(sandbox: ForkServer) -> None:
    found: dict[int, object] = {}
    bad = [calls.crash, calls.eat_memory, calls.fail, calls.spin]

    def one(number: int) -> None:
        call = bad[number % 4] if number % 2 else calls.echo
        seconds = 0.5 if call is calls.spin else 5.0  # the others end by themselves, however late they get a processor
        found[number] = run(sandbox, call, str(number).encode(), cpu_seconds=seconds, memory_bytes=64 * MIB)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(threads)
    for number, result in found.items():
        if number % 2 == 0:
            assert (result.outcome, result.value) == ("ok", str(number).encode())  # type: ignore[attr-defined]
        else:
            assert result.outcome != "ok"  # type: ignore[attr-defined]


def test_the_environment_is_not_passed_on(sandbox: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.close()
    monkeypatch.setenv("BONDED_SECRET", "x")
    assert "BONDED_SECRET" not in value(sandbox, calls.environment)


def test_only_functions_of_ours_are_called(sandbox: ForkServer) -> None:
    result = run(sandbox, os.system)
    assert result.outcome == "crash"  # type: ignore[attr-defined]
    assert "no module of ours" in result.detail  # type: ignore[attr-defined]


def test_a_module_that_cannot_be_made_warm_fails_in_its_child_only(sandbox: ForkServer) -> None:
    assert value(sandbox, calls.echo, b"1") == "1"
    server = sandbox._server

    def lost(_argument: bytes, _attachment: object) -> bytes:
        return b""

    lost.__module__, lost.__qualname__ = "bonded.that_is_not_there", "lost"
    result = run(sandbox, lost)
    assert result.outcome == "crash"  # type: ignore[attr-defined]
    assert "that_is_not_there" in result.detail  # type: ignore[attr-defined]
    assert value(sandbox, calls.echo, b"2") == "2"
    assert sandbox._server is server
    assert server is not None
    assert server.poll() is None


def test_it_starts_again_after_its_server_died(sandbox: ForkServer) -> None:
    assert value(sandbox, calls.echo, b"1") == "1"
    server = sandbox._server
    assert server is not None
    server.kill()
    server.wait()
    assert value(sandbox, calls.echo, b"2") == "2"


def test_an_idle_server_ends_and_another_is_started(sandbox: ForkServer, tmp_path: Path) -> None:
    class Impatient(type(sandbox)):  # type: ignore[misc]
        def _program(self) -> str:
            return "import bonded.adapters.sandbox_server as s; s.IDLE = 1.0; s.main(sys.argv[1:])".join(
                super()._program().split("from bonded.adapters.sandbox_server import main; main(sys.argv[1:])")
            )

    made = Impatient(extra=(ROOT,), preload=()) if sandbox.level == "bubblewrap" else Impatient(preload=())
    assert value(made, calls.echo, b"1") == "1"
    assert made._server is not None
    assert made._server.wait(60) == 0
    assert value(made, calls.echo, b"2") == "2"
    made.close()


def test_a_forked_process_gets_a_server_of_its_own(sandbox: ForkServer) -> None:
    assert value(sandbox, calls.echo, b"parent") == "parent"
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, value(sandbox, calls.echo, b"child").encode())
            sandbox.close()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reading, 100) == b"child"
    assert value(sandbox, calls.echo, b"parent again") == "parent again"


def test_the_strictest_that_works_is_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = pick("auto")
    assert strict.level == (FALLBACK if NO_NAMESPACES else "bubblewrap")
    strict.close()
    assert pick("rlimits").level == FALLBACK
    monkeypatch.setenv("PATH", "/nonexistent")
    assert pick("auto").level == FALLBACK
    assert "not installed" in BubblewrapSandbox().probe()


def test_it_gives_way_as_much_as_whoever_started_it(sandbox: ForkServer) -> None:
    sandbox.close()
    started: list[int] = []

    def begin() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 7)
        assert value(sandbox, calls.echo, b"hello") == "hello"
        started.append(sandbox._server.pid)  # type: ignore[union-attr]

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    servers = last_of(started[0])
    sandbox.close()  # the next test's is started by a thread that gives way to nobody
    assert [nice for nice, _ in servers] == [7] * len(servers) != []
    if os.access("/proc/self/autogroup", os.W_OK):
        assert {group.split()[-1] for _, group in servers} == {"7"}


def last_of(pid: int) -> list[tuple[int, str]]:
    """Nice value and group (as the kernel words it, "" without) of the youngest descendants of a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += last_of(child)
    group = Path(f"/proc/{pid}/autogroup")
    return found or [(os.getpriority(os.PRIO_PROCESS, pid), group.read_text() if group.exists() else "")]


def test_giving_way_without_groups_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getpriority", lambda *_: 10)
    give_way(str(tmp_path / "missing" / "autogroup"))
    give_way(str(tmp_path / "autogroup"))
    assert (tmp_path / "autogroup").read_text() == "10"
    monkeypatch.setattr(os, "getpriority", lambda *_: 0)
    give_way(str(tmp_path / "other"))
    assert not (tmp_path / "other").exists()
