"""The purger for Fastly, against a stand-in of its API with an edge that keeps what the headers allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bonded.adapters.purger_fastly import FastlyPurger
from bonded.db.jobs import job
from bonded.seams import PurgeFailed
from bonded.values.states import FileState
from tests.caches.fastly import SERVICE, TOKEN, Fastly, fastly
from tests.caches.running import Origin, get
from tests.serve.running import clock, until
from tests.tuf_ops.index import Index

WHL = "/packages/alpha/alpha-1.0-py3-none-any.whl"
PAGE = "/simple/alpha/"
V1_JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture
def edge(origin: Origin) -> Iterator[Fastly]:
    with fastly(f"http://127.0.0.1:{origin.port}") as one:
        yield one


def purger(edge: Fastly, *, token: str = TOKEN, service: str = SERVICE, soft: bool = False) -> FastlyPurger:
    return FastlyPurger(service, token, url=f"{edge.url}/", api=edge.url, soft=soft, timeout=60)


def hit(edge: Fastly, path: str, **headers: str) -> bool:
    before = edge.hits
    get(edge.url, path, **headers)
    return edge.hits > before


@pytest.fixture
def filled(edge: Fastly, index: Index) -> Index:
    index.publisher = replace(index.publisher, purger=purger(edge))
    index.file_id = index.upload("alpha")  # type: ignore[attr-defined]
    index.now = clock()
    index.settle_everything()
    for path in (WHL, PAGE):
        get(edge.url, path)
        assert hit(edge, path)
    return index


def test_a_quarantined_file_is_gone(edge: Fastly, filled: Index) -> None:
    filled.now = clock()
    filled.move("review.quarantine", filled.file_id, FileState.QUARANTINED)  # type: ignore[attr-defined]
    filled.work("takedown")
    filled.work("purge")
    assert get(edge.url, WHL).status_code == 404
    assert f"file{WHL}" in edge.calls[-1][2]
    assert "fastly-soft-purge" not in edge.calls[-1][1]


def test_a_changed_page_is_shown(edge: Fastly, filled: Index) -> None:
    filled.upload("alpha", "2.0")
    filled.now = clock()
    filled.settle_everything()
    assert b"alpha-2.0" in get(edge.url, PAGE).content
    assert {key for _, _, keys in edge.calls for key in keys} >= {"timestamp", "project/alpha"}


def test_keys_go_in_batches_of_256(edge: Fastly) -> None:
    purger(edge).purge(f"file/packages/alpha/alpha-{n}.tar.gz" for n in range(600))
    assert [len(keys) for _, _, keys in edge.calls] == [256, 256, 88]


def test_soft_purges_are_for_pages_only(edge: Fastly, filled: Index) -> None:
    edge.calls.clear()
    purger(edge, soft=True).purge(["project/alpha", f"file{WHL}", "timestamp"])
    soft = {key: "fastly-soft-purge" in headers for _, headers, keys in edge.calls for key in keys}
    assert soft == {"project/alpha": True, f"file{WHL}": False, "timestamp": False}
    assert not hit(edge, WHL)
    get(edge.url, PAGE)  # once more the old one, fetched anew behind it
    until(lambda: hit(edge, PAGE), 60)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token": "another"}, r"purge\.token_file"),
        ({"service": "another"}, r"purge\.service"),
    ],
    ids=["token", "service"],
)
def test_a_wrong_setting_is_named_and_the_token_is_not(edge: Fastly, change: dict[str, str], words: str) -> None:
    with pytest.raises(PurgeFailed, match=words) as failed:
        purger(edge, **change).purge(["timestamp"])  # type: ignore[arg-type]
    assert "another" not in str(failed.value)
    assert TOKEN not in str(failed.value)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (429, {"msg": "Too many requests", "detail": "API rate limit reached"}, "too many purges"),
        (503, {"msg": "Service unavailable"}, "503"),
        (200, {}, "did not confirm 1 of 1"),
        (200, [], "did not confirm"),
    ],
    ids=["limit", "down", "no-id", "no-object"],
)
def test_whatever_is_no_confirmation_is_tried_again(
    edge: Fastly, filled: Index, status: int, body: dict[str, str], words: str
) -> None:
    edge.fail = (status, body)
    with pytest.raises(PurgeFailed, match=words):
        purger(edge).purge(["timestamp"])
    filled.upload("alpha", "2.0")
    filled.now = clock()
    filled.settle_everything()
    edge.fail = None
    filled.wait(seconds=60)
    filled.work("purge")
    assert b"alpha-2.0" in get(edge.url, PAGE).content


def test_a_purge_that_is_confirmed_and_not_done_is_noticed(edge: Fastly, filled: Index) -> None:
    edge.forgetful = True
    filled.now = clock()
    filled.move("review.quarantine", filled.file_id, FileState.QUARANTINED)  # type: ignore[attr-defined]
    filled.work("takedown")
    filled.work("purge")
    with filled.db.read() as conn:
        errors = [row.last_error for row in conn.execute(job.select().where(job.c.queue == "purge"))]
    assert any(error and f"still has {WHL}" in error for error in errors)
    edge.forgetful = False
    filled.wait(seconds=60)
    filled.work("purge")
    assert get(edge.url, WHL).status_code == 404
