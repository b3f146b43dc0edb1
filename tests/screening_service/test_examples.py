"""The worked examples for devpi and for Warehouse do what their page says, against the real service."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
import threading
import time
import urllib.request
from email.message import Message
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from bonded.screening import webhooks
from bonded.screening.outbound import Rules
from bonded.values.who import OPERATOR
from tests.screening.conftest import HOSTILE, wheel
from tests.screening_service.conftest import Make, Receiving, Service
from tests.screening_service.test_submissions import NAME

FOLDER = Path(__file__).parent.parent.parent / "deploy/screening"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def test_devpi_has_an_upload_screened(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    devpi = example("bonded_devpi")
    token = service.token(service.house.person("devpi"))
    for name, value in {"URL": "http://localhost/", "TOKEN": token, "VERDICTS": str(tmp_path / "verdicts")}.items():
        monkeypatch.setenv(f"BONDED_{name}", value)
    # The plug-in's own clock: what sleeps in other threads of the tests is not to work.
    clock = SimpleNamespace(sleep=lambda _seconds: service.work(), monotonic=time.monotonic)
    monkeypatch.setattr(devpi, "time", clock)
    monkeypatch.setattr(urllib.request, "urlopen", lambda request, timeout: answered(service, request))
    data = wheel(HOSTILE)
    entry = SimpleNamespace(file_exists=lambda: True, file_get_content=lambda: data)
    link = SimpleNamespace(entry=entry, basename=NAME)
    for _ in range(2):  # devpi may call twice
        devpi.devpiserver_on_upload(SimpleNamespace(name="root/dev"), "sample", "1.0", link)
    first, second = map(json.loads, (tmp_path / "verdicts").read_text().splitlines())
    assert first == second
    assert (first["index"], first["project"], first["verdict"]) == ("root/dev", "sample", "reject")


def answered(service: Service, request: urllib.request.Request) -> Any:
    """What the service answers to a request of the plug-in, handed over as its server does."""
    token = str(request.get_header("Authorization")).removeprefix("Bearer ")
    if request.data is None:
        reply = service.get(token, request.full_url)
    else:
        kind = Message()
        kind["Content-Type"] = str(request.get_header("Content-type"))
        assert isinstance(request.data, bytes)
        head, _, rest = request.data.partition(b"\r\n\r\n")
        assert f'filename="{NAME}"'.encode() in head
        assert head.startswith(f"--{kind.get_param('boundary')}".encode())
        reply = service.send(token, NAME, rest.rpartition(b"\r\n--")[0])
    assert reply.status_int < 300, reply.text
    return io.BytesIO(reply.body)


def test_warehouse_gets_an_observation_for_each_rejected_archive(
    new_service: Make, receiving: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = example("bonded_warehouse")
    server = warehouse.ThreadingHTTPServer(("127.0.0.1", 0), warehouse.Receiver)
    monkeypatch.setattr(warehouse.Receiver, "log_message", lambda *_: None)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    entry = (f"127.0.0.1:{server.server_port}",)
    service = new_service(fetch=Rules((), entry))
    where = "/danger-api/projects/sample/observations"
    receiving.answers[where] = (503, {}, b"")
    with service.house.db.write() as tx:
        url = f"http://127.0.0.1:{server.server_port}/"
        sealer, now = service.house.context.sealer, service.house.now
        _, secret = webhooks.add(tx, OPERATOR, url, (), Rules(None, entry), sealer=sealer, reason="example", now=now)
    settings = {"BONDED_WEBHOOK_SECRET": secret, "WAREHOUSE_URL": receiving.url(), "WAREHOUSE_TOKEN": "t"}
    for name, value in (settings | {"INSPECTOR_URL": "https://inspector.example.invalid"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(warehouse, "time", SimpleNamespace(time=lambda: service.house.now.timestamp()))
    token = service.token(service.house.person("follower"))
    service.send(token, NAME, wheel(HOSTILE))
    service.send(token, NAME, wheel())
    service.work()
    receiving.answers[where] = (201, {}, b"{}")
    service.work(moments=2)
    server.shutdown()
    server.server_close()
    assert receiving.asked == [where, where]
    headers, body = receiving.got[-1]
    told = json.loads(body)
    assert headers["authorization"] == "Bearer t"
    assert told["kind"] == "is_malware"
    assert told["inspector_url"] == "https://inspector.example.invalid/project/sample/1.0/"
    assert "sample/__init__.py line 3" in told["summary"]


def test_the_receiver_takes_nothing_that_is_old_forged_or_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    warehouse = example("bonded_warehouse")
    secret = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
    monkeypatch.setenv("BONDED_WEBHOOK_SECRET", secret)
    moment = datetime(2026, 1, 5, 12, tzinfo=UTC)
    body = b'{"type": "test", "data": {}}'
    headers = webhooks.signed_headers([secret], "d1", moment, body)
    now = moment.timestamp()
    assert warehouse.taken(headers, body, now) == 204
    assert list(warehouse.seen) == ["d1"]
    assert warehouse.taken(headers, body, now + 10) == 204
    for wrong in (
        (headers, body + b" ", now),
        (headers, body, now + 301),
        (headers | {"webhook-id": "d2"}, body, now),
        (headers | {"webhook-timestamp": str(int(now) + 1)}, body, now),
        ({}, body, now),
        (webhooks.signed_headers(["whsec_AAAA"], "d1", moment, body), body, now),
    ):
        assert warehouse.taken(*wrong) == 401
