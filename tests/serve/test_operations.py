"""/healthz, /readyz, /metrics, private reads, and the lane over any Storage."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import pytest

from bonded.seams import NotStored, StorageError, Stored
from bonded.serve.peers import networks
from bonded.telemetry.measures import JOBS_WAITING
from tests.serve.conftest import BIG, HTML, WHEEL, Make, write

WHL = "/packages/demo/demo-1.0-py3-none-any.whl"


def test_health_is_about_the_process_only(make: Make, store: Path) -> None:
    server = make()
    (store / "metadata/timestamp.json").unlink()
    reply = server.get("/healthz")
    assert (reply.status, reply.body, reply["cache-control"]) == (200, b"ok\n", "no-store")


def test_readiness_names_what_is_missing(make: Make, store: Path) -> None:
    problems: list[str] = []
    server = make(ready=lambda: problems)
    assert json.loads(server.get("/readyz").body) == {"ready": True, "problems": [], "alarms": []}
    problems.append("the database does not answer")
    reply = server.get("/readyz")
    assert (reply.status, json.loads(reply.body)["problems"]) == (503, ["the database does not answer"])
    problems.clear()
    old = json.dumps({"signed": {"expires": "2020-01-01T00:00:00Z"}}).encode()
    for data, words in (
        (old, "expired"),
        (b"nonsense", "no readable"),
        (b"[]", "no readable"),
        (b'{"signed":{}}', "no readable"),
    ):
        write(store, "metadata/timestamp.json", data)
        reply = server.get("/readyz")
        assert reply.status == 503
        assert words in json.loads(reply.body)["problems"][0]
    assert server.ask("HEAD", "/readyz").body == b""


def test_alarms_are_told_to_few_and_do_not_send_people_elsewhere(make: Make) -> None:
    def failing() -> list[str]:
        raise RuntimeError("password=hunter2")

    alarms = ["warning: the role root expires in 6 days"]
    reply = make(alarms=lambda: alarms).get("/readyz")
    assert (reply.status, json.loads(reply.body)["alarms"]) == (200, alarms)
    reply = make({"metrics_from": ("192.0.2.0/24",)}, alarms=lambda: alarms).get("/readyz")
    assert json.loads(reply.body) == {"ready": True, "problems": []}
    reply = make(alarms=failing).get("/readyz")
    assert (reply.status, json.loads(reply.body)["ready"]) == (200, True)
    assert b"hunter2" not in reply.raw


def test_a_failing_readiness_check_is_not_ready(make: Make) -> None:
    def ready() -> list[str]:
        raise RuntimeError("password=hunter2")

    reply = make(ready=ready).get("/readyz")
    assert reply.status == 503
    assert b"hunter2" not in reply.raw


def test_metrics_count_what_was_answered(make: Make) -> None:
    server = make(levels=lambda: [(JOBS_WAITING, {"queue": "screen"}, 3.0)])
    for _ in range(3):
        server.keep("/simple/demo/")
    server.get("/application")
    text = server.get("/metrics")
    assert text["content-type"].startswith("text/plain")
    found = dict(line.rsplit(" ", 1) for line in text.body.decode().splitlines() if not line.startswith("#"))
    assert float(found['bonded_http_requests_total{lane="static",status="200"}']) >= 3
    assert float(found['bonded_http_requests_total{lane="web",status="200"}']) >= 1
    assert found['bonded_jobs_waiting{queue="screen"}'] == "3.0"
    assert 11 * 3600 < float(found["bonded_timestamp_left_seconds"]) <= 12 * 3600
    assert float(found["bonded_timestamp_age_seconds"]) > 0


def test_metrics_are_for_few(make: Make) -> None:
    reply = make({"metrics_from": ("192.0.2.0/24",)}).get("/metrics")
    assert (reply.status, reply["cache-control"]) == (403, "no-store")
    assert b"bonded_http" not in reply.body


def test_private_reads(make: Make) -> None:
    asked: list[Mapping[str, str]] = []

    def may_read(headers: Mapping[str, str]) -> bool:
        asked.append(headers)
        return headers.get("authorization") == "Basic Z29vZA=="

    server = make(may_read=may_read)
    for url in ("/simple/demo/", WHL, "/metadata/timestamp.json", "/publications/7.json", "/pypi/demo/json"):
        for call in (server.get, server.keep):
            bare = call(url)
            assert (bare.status, bare["cache-control"]) == (401, "no-store")
            assert bare["www-authenticate"].startswith("Basic ")
            wrong = call(url, {"Authorization": "Basic d3Jvbmc="})
            assert (wrong.status, wrong["cache-control"]) == (403, "no-store")
            good = call(url, {"Authorization": "Basic Z29vZA=="})
            assert good.status == 200
            assert good["cache-control"] == "private, no-store"
            assert not {"surrogate-key", "surrogate-control"} & set(good.headers)
            assert "Authorization" in good["vary"]
            assert "access-control-allow-origin" not in good.headers
    assert server.get("/simple/absent/").status == 401
    assert server.get("/healthz").status == 200
    assert len(asked) > 20


class Memory:
    """A Storage as far as reading goes, over a folder, without being a folder to the server."""

    conditional = True

    def __init__(self, root: Path) -> None:
        self.root, self.broken = root, False

    def _path(self, name: str) -> Path:
        if self.broken:
            raise StorageError("out of reach")
        path = self.root / name
        if not path.is_file():
            raise NotStored(name)
        return path

    def get(self, name: str) -> Stored:
        data = self._path(name).read_bytes()
        return Stored(data, hashlib.sha256(data).hexdigest())

    def read(self, name: str) -> bytes:
        return self._path(name).read_bytes()

    def open(self, name: str) -> BinaryIO:
        return io.BytesIO(self._path(name).read_bytes())

    def size(self, name: str) -> int:
        return self._path(name).stat().st_size


def test_any_storage_gives_the_same_answers(make: Make, store: Path) -> None:
    folder, other = make(), make(public=Memory(store))
    changing = {"date", "x-request-id", "etag", "last-modified"}
    for url in (
        "/simple/demo/",
        WHL,
        "/packages/demo/demo-1.0+local.tar.gz",
        "/metadata/timestamp.json",
        "/simple/X/",
        "/simple/x/",
    ):
        for headers in ({}, {"Range": "bytes=10-300000"}, {"Accept-Encoding": "gzip"}):
            a, b = folder.get(url, headers), other.keep(url, headers)
            for reply in (a, b):
                for name in (*changing, "connection"):
                    reply.headers.pop(name, None)
            assert (a.status, a.headers, a.body) == (b.status, b.headers, b.body)
    tag = other.get("/packages/demo/demo-1.0+local.tar.gz")["etag"]
    assert other.get("/packages/demo/demo-1.0+local.tar.gz", {"If-None-Match": tag}).status == 304


def test_a_storage_out_of_reach(make: Make, store: Path) -> None:
    memory = Memory(store)
    server = make(public=memory)
    memory.broken = True
    assert server.get("/simple/demo/").status == 503
    assert server.get("/readyz").status == 503
    memory.broken = False
    assert server.get("/simple/demo/").body == HTML
    assert server.get("/readyz").status == 200
    assert (server.get(WHL).body, len(server.get("/packages/demo/demo-1.0+local.tar.gz").body)) == (WHEEL, len(BIG))


@pytest.mark.parametrize("network", ["nonsense", "300.1.1.1", "10.0.0.0/99"])
def test_wrong_networks_are_one_sentence(make: Make, network: str) -> None:
    with pytest.raises(ValueError, match="neither an address nor a network"):
        networks((network,))
