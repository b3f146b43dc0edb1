"""Bad days: a full disk, a store that cannot be written, a locked database, a wrong configuration, a wrong clock.

Each ends in one clear message, never in a 500, and nothing is lost or half-visible. Disks are small file systems in mount
namespaces of their own, so that filling one harms nobody.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tools.demo_packages import wheel

from tests.serve.running import until
from tests.story.running import BIN, RunningIndex, bonded, running
from tests.story.uploading import Answer, upload
from tests.support.ports import reserved

INSIDE = [
    "unshare",
    "--mount",
    "--propagation",
    "unchanged",
    *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]),
]


@contextmanager
def on_small_disk(place: Path, size: str) -> Iterator[tuple[RunningIndex, str, int]]:
    """An index whose data directory is a file system of `size`; yields it, a token, and the pid to enter."""
    data = place / "data"
    data.mkdir()
    with reserved() as port, _serving_on_small_disk(place, data, size, port) as served:
        yield served


@contextmanager
def _serving_on_small_disk(place: Path, data: Path, size: str, port: int) -> Iterator[tuple[RunningIndex, str, int]]:
    script = (
        f"mount -t tmpfs -o size={size} tmpfs {data} && {BIN}/bonded init {data} --dev-keys --bins 2 --page-bins 2 >/dev/null"
        f" && {BIN}/bonded user create up --email up@example.invalid --dir {data} >/dev/null"
        f" && {BIN}/bonded token create up --dir {data} && exec {BIN}/bonded serve {data} --port {port}"
    )
    env = os.environ | {"BONDED_URL": f"http://127.0.0.1:{port}/", "BONDED_SERVE__PROCESSES": "1"}
    with (place / "server.log").open("w") as log:
        server = subprocess.Popen([*INSIDE, "sh", "-c", script], stdout=subprocess.PIPE, stderr=log, text=True, env=env)
    try:
        assert server.stdout
        token = server.stdout.readline().strip()
        line = server.stdout.readline()
        assert line.startswith("ready "), (place / "server.log").read_text()[-3000:]
        yield RunningIndex(line.split()[1], data), token, server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def enter(pid: int, *words: str) -> None:
    """Run a command in the namespace of `pid`."""
    subprocess.run(["nsenter", "--target", str(pid), "--mount", "--root", *words], check=True)


def refused(answer: Answer, status: int, words: str) -> None:
    assert answer.status == status, answer
    assert words in answer.reason
    assert words in answer.body
    assert "Traceback" not in answer.body


def test_a_full_disk_refuses_uploads_and_goes_on_serving(tmp_path: Path) -> None:
    with on_small_disk(tmp_path, "48m") as (index, token, pid):
        first = wheel(tmp_path, "disk-first", "1.0")
        assert upload(index, token, first).status == 200
        index.wait_listed("disk-first", first.name)
        enter(pid, "sh", "-c", f"head -c 64m /dev/zero > {index.directory}/filler; true")
        second = wheel(tmp_path, "disk-second", "1.0")
        refused(upload(index, token, second), 507, "no room left")
        assert index.get(f"packages/disk-first/{first.name}") == (200, first.read_bytes())
        assert index.files("disk-second") == {}
        enter(pid, "rm", f"{index.directory}/filler")
        assert upload(index, token, second).status == 200
        index.wait_listed("disk-second", second.name)


def test_processes_that_begin_on_a_full_disk_serve(tmp_path: Path) -> None:
    """Each of them counts in a file of its own, for which there is no room."""
    with on_small_disk(tmp_path, "48m") as (index, token, pid):
        first = wheel(tmp_path, "disk-first", "1.0")
        assert upload(index, token, first).status == 200
        index.wait_listed("disk-first", first.name)
        enter(pid, "sh", "-c", f"head -c 64m /dev/zero > {index.directory}/filler; true")
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        until(lambda: _answers(index, f"packages/disk-first/{first.name}", first.read_bytes()))
        for _ in range(20):
            assert index.get(f"packages/disk-first/{first.name}") == (200, first.read_bytes())
        assert '"code":-7' not in (tmp_path / "server.log").read_text()


def _answers(index: RunningIndex, path: str, data: bytes) -> bool:
    try:
        return index.get(path) == (200, data)
    except OSError:
        return False


def test_a_read_only_store_refuses_uploads_and_goes_on_serving(tmp_path: Path) -> None:
    with on_small_disk(tmp_path, "64m") as (index, token, pid):
        first = wheel(tmp_path, "ro-first", "1.0")
        assert upload(index, token, first).status == 200
        index.wait_listed("ro-first", first.name)
        vault = index.directory / "vault"
        enter(pid, "mount", "--bind", str(vault), str(vault))
        enter(pid, "mount", "-o", "remount,bind,ro", str(vault))
        second = wheel(tmp_path, "ro-second", "1.0")
        refused(upload(index, token, second), 503, "cannot store")
        assert index.get(f"packages/ro-first/{first.name}")[0] == 200
        enter(pid, "umount", str(vault))
        assert upload(index, token, second).status == 200
        index.wait_listed("ro-second", second.name)


def test_a_locked_database_says_try_again(tmp_path: Path) -> None:
    with running(tmp_path) as index:
        token = index.token("up")
        path = wheel(tmp_path, "story-of-a-lock", "1.0")
        other = sqlite3.connect(index.directory / "bonded.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = upload(index, token, path)
        refused(answer, 503, "busy; upload the same file again")
        assert int(answer.headers["retry-after"]) > 0
        other.execute("ROLLBACK")
        assert upload(index, token, path).status == 200
        index.wait_listed("story-of-a-lock", path.name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[screening]\nmode = "perhaps"\n', "screening.mode"),
        ("[spool_rom]\n", "spool_rom"),
        ("url = [", "cannot be read"),
        ('[database]\nurl = "oracle://x"\n', "database"),
    ],
)
def test_a_corrupt_configuration_names_the_key(tmp_path: Path, text: str, words: str) -> None:
    bonded("init", tmp_path / "data", "--dev-keys", "--bins", "2", "--page-bins", "2")
    (tmp_path / "data" / "bonded.toml").write_text(text)
    done = subprocess.run(
        [BIN / "bonded", "serve", tmp_path / "data", "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_of_parallel_uploads_of_one_name_one_wins(tmp_path: Path) -> None:
    """Ten clients send other bytes under one name at the same moment; ten more send the same bytes."""
    with running(tmp_path) as index:
        token = index.token("up")
        same = wheel(tmp_path, "race-same", "1.0")
        files = []
        for n in range(10):
            (tmp_path / str(n)).mkdir()
            files.append(wheel(tmp_path / str(n), "race-other", "1.0", summary=f"Number {n}"))
        with ThreadPoolExecutor(20) as pool:
            others = list(pool.map(lambda path: upload(index, token, path), files))
            sames = list(pool.map(lambda _: upload(index, token, same), range(10)))
        assert sorted(a.status for a in others) == [200] + [400] * 9
        assert all(a.reason.startswith("File already exists") for a in others if a.status == 400)
        assert {a.status for a in sames} == {200}
        won = files[[a.status for a in others].index(200)]
        listed = index.wait_listed("race-other", won.name)
        assert len(listed) == 1
        assert index.get(f"packages/race-other/{won.name}") == (200, won.read_bytes())


def test_a_truncated_upload_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as index:
        token = index.token("up")
        path = wheel(tmp_path, "cut", "1.0")
        for keep in (1, 200, 700):
            upload(index, token, path, cut_after=keep)
        assert index.files("cut") == {}
        spool = index.directory / "run" / "spool"
        index.wait_until(lambda: list(spool.iterdir()) == [])  # the server hears of a cut a moment later
        assert upload(index, token, path).status == 200
        index.wait_listed("cut", path.name)


def test_a_clock_that_is_behind_signs_nothing_and_says_so(tmp_path: Path) -> None:
    data = tmp_path / "data"
    bonded("init", data, "--dev-keys", "--bins", "2", "--page-bins", "2")
    bonded("user", "create", "up", "--email", "up@example.invalid", "--dir", data)
    token = bonded("token", "create", "up", "--dir", data).strip()
    before = (data / "public/metadata/timestamp.json").read_bytes()
    env = os.environ | {"BONDED_SERVE__PROCESSES": "1", "FAKETIME": "-3d"}
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            ["faketime", "-f", "-3d", BIN / "bonded", "serve", data, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=env,
            start_new_session=True,
        )
    try:
        assert server.stdout
        index = RunningIndex(server.stdout.readline().split()[1], data)
        path = wheel(tmp_path, "late", "1.0")
        assert upload(index, token, path).status == 200
        index.wait_until(lambda: "clock" in (tmp_path / "server.log").read_text())
        assert (data / "public/metadata/timestamp.json").read_bytes() == before
    finally:
        os.killpg(server.pid, signal.SIGTERM)  # faketime does not pass signals on
        server.wait(60)
    words = ["faketime", "-f", "-3d", str(BIN / "bonded"), "tuf", "refresh", "--dir", str(data)]
    refused = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert "run `bonded tuf refresh --accept-clock` once" in refused.stderr
    accepted = subprocess.run([*words, "--accept-clock"], capture_output=True, text=True, timeout=60, check=False)
    assert accepted.returncode == 0, accepted.stderr
    assert (data / "public/metadata/timestamp.json").read_bytes() != before
