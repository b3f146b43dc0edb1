"""Logs: one line per event, with the request id, and no secret in any of a thousand places."""

from __future__ import annotations

import io
import json
import logging
import secrets
from collections.abc import Iterator

import pytest
import structlog

from bonded.adapters.sandbox_bubblewrap import BubblewrapSandbox
from bonded.adapters.sandbox_pick import pick
from bonded.telemetry import logs
from bonded.telemetry.redaction import redact_path, redact_text, redact_value


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    before, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield io.StringIO()
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = before
    logging.getLogger().setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_lines(stream: io.StringIO) -> None:
    logs.configure("json", "info", stream)
    log = structlog.get_logger("bonded.test")
    logs.bind_request("abc-1")
    log.info("something happened", project="demo", count=3, nested={"a": [1, None]})
    logs.unbind_request()
    log.debug("not shown")
    logging.getLogger("library").warning("it says %s", "so\nand a second line")
    first, second = lines(stream)
    assert (first["event"], first["request_id"], first["level"], first["logger"]) == (
        "something happened",
        "abc-1",
        "info",
        "bonded.test",
    )
    assert (first["project"], first["count"], first["nested"]) == ("demo", 3, {"a": [1, None]})
    assert str(first["timestamp"]).endswith("Z")
    assert (second["event"], second["level"]) == ("it says so\nand a second line", "warning")
    assert "request_id" not in second


def test_text(stream: io.StringIO) -> None:
    logs.configure("text", "info", stream)
    structlog.get_logger("bonded.test").warning("careful", password="hunter2", n=1)
    assert "careful" in stream.getvalue()
    assert "n=1" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_levels(stream: io.StringIO) -> None:
    logs.configure("json", "error", stream)
    structlog.get_logger("x").warning("no")
    structlog.get_logger("x").error("yes")
    assert [line["event"] for line in lines(stream)] == ["yes"]


def test_a_key_that_need_not_sign_is_no_news(stream: io.StringIO) -> None:
    logs.configure("json", "info", stream)
    logging.getLogger("tuf.api._payload").info("No signature for keyid %s", "1ae4")
    assert stream.getvalue() == ""
    logging.getLogger("tuf.api._payload").warning("Key %s failed to verify", "1ae4")
    assert "failed to verify" in stream.getvalue()


def test_odd_values_do_not_fail(stream: io.StringIO) -> None:
    logs.configure("json", "info", stream)
    structlog.get_logger("x").info(
        "odd", a=object(), b=b"\xff", c={1: {2}}, d=ValueError("x"), e=float("nan"), f="\ud800"
    )
    assert len(stream.getvalue().splitlines()) == 1


def test_no_canary_gets_out(stream: io.StringIO) -> None:
    """A thousand secrets, as values, in sentences, headers, addresses, nested data and tracebacks."""
    logs.configure("json", "debug", stream)
    log = structlog.get_logger("bonded.test")
    canaries = [secrets.token_urlsafe(24).replace("-", "x") for _ in range(1000)]
    for number, canary in enumerate(canaries):
        shape = number % 12
        if shape == 0:
            log.info("login", password=canary)
        elif shape == 1:
            log.info("token made", value=f"bonded-{canary}")
        elif shape == 2:
            log.info(f"asked with Authorization: Basic {canary}")
        elif shape == 3:
            log.info("headers", headers={"Authorization": f"Bearer {canary}", "X": "1"})
        elif shape == 4:
            log.info("cookie", line=f"Cookie: __Host-bonded={canary}; other=1")
        elif shape == 5:
            log.info("nested", data=[{"passphrase": canary}, (f"pypi-{canary}",)])
        elif shape == 6:
            try:
                raise ValueError(f"cannot connect to postgresql://bonded:{canary}@localhost/bonded")
            except ValueError:
                log.exception("failed")
        elif shape == 7:
            logging.getLogger("library").error("posted password=%s&user=x", canary)
        elif shape == 8:
            log.info("session", session_cookie=canary, csrf_token=canary)
        elif shape == 9:
            log.info("key", pem=f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{canary}\n-----END ENCRYPTED PRIVATE KEY-----")
        elif shape == 10:
            log.info("bytes", raw=f"token bonded-{canary}".encode())
        else:
            log.info("link", path=redact_path(f"/account/password/{canary}/"))
    text = stream.getvalue()
    assert len(text.splitlines()) == 1000
    assert [canary for canary in canaries if canary in text] == []


@pytest.mark.parametrize(
    "text",
    [
        "uploaded demo-1.0-py3-none-any.whl by token 01hxyz",
        "/project/bonded-client/",
        "sha256 " + "a" * 64,
        "bonded-client 1.0",
        "the basic idea",
        "http://example.invalid/x?y=z",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact_text(text) == text


def test_keys_that_only_sound_secret() -> None:
    assert redact_value("token_id", "01hx") == "01hx"
    assert redact_value("tokens", 3) == 3
    assert redact_value("TOKEN", "x") == "[redacted]"
    assert redact_path("/project/" + "a" * 40 + "/") == "/project/" + "a" * 40 + "/"


def test_the_isolation_that_is_used_is_told(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """`level` is the line's own: a field of that name is lost."""
    monkeypatch.setattr(BubblewrapSandbox, "probe", lambda self: "no namespaces here")
    logs.configure("json", "info", stream)
    sandbox = pick("auto")
    (told,) = lines(stream)
    assert (told["level"], told["reason"], told["instead"]) == ("warning", "no namespaces here", sandbox.level)
    assert sandbox.level != "bubblewrap"
