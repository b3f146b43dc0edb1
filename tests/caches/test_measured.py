"""The whole index behind a real Varnish, chosen by settings alone: what readers see, measured while the index is at work."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.caches.running import Varnish, get, lasting, varnish
from tests.story.packages import make
from tests.story.running import BIN, JSON, RunningIndex, bonded
from tests.story.test_trust import by_twine
from tests.support.ports import reserved

pytestmark = pytest.mark.slow


class Parts:
    """web, worker and publisher as processes of their own on one data directory."""

    def __init__(self, place: Path, port: int, cache: Varnish) -> None:
        self.directory, self.port, self._place = place / "data", port, place
        engine = "varnish-ban" if cache.kind == "ban" else "varnish-xkey"
        self._env = os.environ | {
            "BONDED_URL": f"http://127.0.0.1:{port}/",
            "BONDED_SERVE__PROCESSES": "1",
            "BONDED_SCREENING__WORKERS": "1",
            "BONDED_PURGE__ENGINE": engine,
            "BONDED_PURGE__ADDRESSES": json.dumps([cache.url]),
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        for name in names:
            words = ["--port", str(self.port)] if name == "web" else []
            log = (self._place / f"{name}.log").open("w")
            command = [str(BIN / "bonded"), name, str(self.directory), *words]
            process = subprocess.Popen(
                command, env=self._env, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
            self._running[name] = process
            assert process.stdout
            assert process.stdout.readline().startswith(b"ready"), (self._place / f"{name}.log").read_text()[-3000:]

    def kill(self, *names: str) -> None:
        for name in names or tuple(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running[name].pid, signal.SIGKILL)
            self._running.pop(name).wait(10)


@contextmanager
def parts(place: Path, kind: str) -> Iterator[tuple[Parts, Varnish, RunningIndex]]:
    (place / "varnish").mkdir(parents=True)
    with reserved() as port, varnish(place / "varnish", kind, port) as cache:
        whole = Parts(place, port, cache)
        bonded("init", whole.directory, "--dev-keys", "--admin", "admin")
        try:
            whole.start("web", "worker", "publisher")
            yield whole, cache, RunningIndex(f"http://127.0.0.1:{port}/", whole.directory)
        finally:
            whole.kill()


@pytest.fixture(params=["xkey", "ban"])
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Parts, Varnish, RunningIndex]]:
    with parts(tmp_path, str(request.param)) as found:
        yield found


def test_a_quarantined_file_is_gone_within_five_seconds_also_without_a_publisher(
    whole: tuple[Parts, Varnish, RunningIndex], tmp_path: Path
) -> None:
    processes, cache, index = whole
    made = make(tmp_path / "projects", "measured-quarantine", version="1.0", backend="hatchling")
    token = index.token("uploader")
    assert by_twine(index, token, made).returncode == 0
    index.wait_listed(made.name, made.wheel)
    path = f"/packages/{made.name}/{made.wheel}"
    for one in (path, f"{path}.metadata"):
        assert get(cache.url, one).status_code == 200
        assert get(cache.url, one, Accept_Encoding="gzip").status_code == 200
    processes.kill("publisher")
    bonded("project", "quarantine", made.name, "--reason", "found malware", "--dir", index.directory)
    shown = lasting(lambda: all(get(cache.url, one).status_code == 404 for one in (path, f"{path}.metadata")))
    assert shown < 5
    print(f"gone from Varnish {shown:.2f} s after the command ended ({cache.kind})")


def test_no_reader_sees_an_old_page_for_longer_than_the_bound(
    whole: tuple[Parts, Varnish, RunningIndex], tmp_path: Path
) -> None:
    """Readers ask all the time, so that the page is always kept; from the copy on disk to the last old answer it may take
    a second (well below `tuf.page_ttl`, which alone would be 10)."""
    _, cache, index = whole
    token = index.token("uploader")
    name, bound, worst = "measured-pages", 1.0, 0.0
    last_without: dict[str, float] = {}
    wanted: list[str] = []
    stop = threading.Event()

    def read() -> None:
        with httpx.Client(verify=False) as client:
            while not stop.is_set():
                began = time.monotonic()
                page = client.get(f"{cache.url}/simple/{name}/", headers={"Accept": JSON}).text
                for file in list(wanted):
                    if file not in page:
                        last_without[file] = max(last_without.get(file, 0.0), began)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for one in readers:
        one.start()
    try:
        for number in range(6):
            made = make(tmp_path / f"p{number}", name, version=f"1.{number}", backend="hatchling")
            made.dist()
            wanted.append(made.wheel)
            assert by_twine(index, token, made).returncode == 0
            page = index.directory / "public/simple" / name / "index.json"
            end = time.monotonic() + 30
            while not page.exists() or made.wheel not in page.read_text():
                assert time.monotonic() < end
                time.sleep(0.005)
            copied = time.monotonic()
            time.sleep(2)
            worst = max(worst, last_without.get(made.wheel, 0.0) - copied)
            assert made.wheel in get(cache.url, f"/simple/{name}/", Accept=JSON).text
    finally:
        stop.set()
        for one in readers:
            one.join(10)
    print(f"an old page was given out for at most {worst:.2f} s after the new one was written ({cache.kind})")
    assert worst <= bound


@pytest.mark.parametrize("kind", ["xkey"])
def test_ten_thousand_personal_answers_reach_nobody_else(kind: str, tmp_path: Path) -> None:
    """People with sessions and tokens, and strangers, ask for the same pages in every coding: no answer crosses over."""
    with parts(tmp_path, kind) as (_, cache, index):
        token = index.token("uploader")
        paths = ("/account/", "/account/tokens/", "/manage/", "/admin/", "/", "/account/login/")
        seen = 0
        with httpx.Client(base_url=cache.url, verify=False) as client:
            for turn in range(1000):
                coding = ("gzip", "identity", "zstd", "br, gzip")[turn % 4]
                path = paths[turn % len(paths)]
                for who in range(5):
                    headers = {"Accept-Encoding": coding, "Cookie": f"mark=person-{turn}-{who}"}
                    if who == 4:
                        headers["Authorization"] = "Basic " + token
                    reply = client.get(path, headers=headers)
                    assert "age" not in reply.headers or reply.headers["age"] == "0"
                    assert len(reply.headers["x-varnish"].split()) == 1, (path, dict(reply.headers))
                    stranger = client.get(path, headers={"Accept-Encoding": coding})
                    assert "set-cookie" not in stranger.headers or len(stranger.headers["x-varnish"].split()) == 1
                    seen += 2
        assert seen == 10_000
