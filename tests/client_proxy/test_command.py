"""The command `bonded-client proxy`: started, used, stopped; and running another command in its surroundings."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from bonded_client import cli, proxy
from tests.client.server import Served
from tests.client_proxy.index import Index
from tests.client_proxy.running import installed
from tests.story import clients

CLIENT = Path(sys.executable).parent / "bonded-client"


@pytest.fixture
def words(index: Index, served: Served, tmp_path: Path) -> list[str]:
    """The command up to its options."""
    (tmp_path / "root.json").write_bytes(index.first_root)
    base = ["--index", served.url, "--root", str(tmp_path / "root.json"), "--cache", str(tmp_path / "cache")]
    return [*base, "--timeout", "30", "proxy"]


@contextmanager
def started(words: list[str], *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The proxy as a process, and its address."""
    process = subprocess.Popen([CLIENT, *words, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        ready = process.stdout.readline()
        assert ready.startswith("ready http://127.0.0.1:"), process.stderr and process.stderr.read()
        yield process, ready.split()[1]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        for stream in (process.stdout, process.stderr):
            assert stream
            stream.close()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_it_says_how_to_use_it_and_stops_when_told(words: list[str], by: signal.Signals) -> None:
    with started(words, "--port", "0") as (process, url):
        assert urllib3.request("GET", f"{url}example/").status == 200
        process.send_signal(by)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "")
        assert f"pip install --index-url {url}" in err
        assert f"uv pip install --default-index {url}" in err
        assert "Traceback" not in err


def test_it_runs_an_installer_and_ends_as_that_does(words: list[str], tmp_path: Path) -> None:
    pip = str(clients.environment("pip") / "bin/pip")
    env = clients.bare(tmp_path / "home") | {"PIP_EXTRA_INDEX_URL": "http://127.0.0.1:9/simple/"}
    install = ["--", pip, "install", "--no-cache-dir", "--target", str(tmp_path / "target")]
    for project, status in (("example", 0), ("nobody", 1)):
        done = subprocess.run(
            [CLIENT, *words, "--port", "0", *install, project], env=env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == status, done.stderr
        assert "PIP_EXTRA_INDEX_URL not passed on" in done.stderr
    assert "helper" in installed(tmp_path / "target")


def test_a_command_that_is_not_there(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*words, "--port", "0", "--", "no-such-command"]) == 8
    assert capsys.readouterr().err.endswith("[command-missing]\n")


def test_a_command_that_was_killed(words: list[str]) -> None:
    assert cli.main([*words, "--port", "0", "--", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]) == 137


def test_a_port_that_is_taken(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert cli.main([*words, "--port", str(taken.getsockname()[1])]) == 8
    assert capsys.readouterr().err.endswith("[port-taken]\n")


def test_an_index_that_is_not_there(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--index", "http://127.0.0.1:9/", *words[2:], "--port", "0"]) == 4
    assert capsys.readouterr().err.endswith("[index-unreachable]\n")


@pytest.mark.parametrize(
    "wrong", [("--port", "70000"), ("--cache-size", "much"), ("--offline-grace", "-1h"), ("--offline-grace", "1 week")]
)
def test_options_that_make_no_sense(words: list[str], wrong: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, *wrong])
    assert ended.value.code == 2


def test_only_this_machine_can_reach_it(words: list[str]) -> None:
    with started(words, "--port", "0") as (_, url):
        port = int(url.split(":")[2].split("/")[0])
        listening = Path("/proc/net/tcp").read_text().splitlines()
        assert any(line.split()[1] == f"0100007F:{port:04X}" for line in listening[1:])


def test_the_surroundings_of_an_installer(tmp_path: Path) -> None:
    given = {"PATH": "/bin", "UV_INDEX": "http://elsewhere.example/", "NO_PROXY": "internal.example"}
    env, removed = proxy.surroundings("http://127.0.0.1:1/simple/", tmp_path, given)
    assert removed == ["UV_INDEX"]
    assert env["PATH"] == "/bin"
    assert "UV_INDEX" not in env
    assert {env[name] for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX")} == {
        "http://127.0.0.1:1/simple/"
    }
    assert env["NO_PROXY"] == "internal.example,127.0.0.1,localhost,::1"
    assert list(Path(env["PIP_FIND_LINKS"]).iterdir()) == []
