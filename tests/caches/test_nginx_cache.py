"""nginx as a cache, which nothing can purge: what it keeps, and that it keeps to the bounds that are stated."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta

import httpx
import orjson
import pytest

from bonded.adapters.purger_nginx import NginxPurger
from bonded.db.jobs import job
from bonded.values.states import FileState
from tests.caches.running import HOST, SHORT, Origin, get, lasting, twice
from tests.serve.running import clock
from tests.tuf_ops.index import Index

WHL = "/packages/alpha/alpha-1.0-py3-none-any.whl"
PAGE = "/simple/alpha/"
POINTER = "/metadata/timestamp.json"
V1_JSON = "application/vnd.pypi.simple.v1+json"


def hit(reply: httpx.Response) -> bool:
    return reply.headers["x-cache"] == "HIT"


def settle(index: Index) -> None:
    index.now = clock()
    index.settle_everything()


@pytest.fixture
def filled(nginx_front: str, index: Index) -> str:
    index.upload("alpha", data=bytes(range(256)) * 50)
    settle(index)
    return nginx_front


def version(reply: httpx.Response) -> int:
    return int(orjson.loads(reply.content)["signed"]["version"])


def test_what_is_asked_twice_is_fetched_once(filled: str) -> None:
    for path in (WHL, PAGE, POINTER, "/metadata/1.root.json"):
        second = twice(filled, path, hit)
        assert not {"surrogate-key", "surrogate-control"} & set(second.headers)
    part = get(filled, WHL, Range="bytes=10-19")
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert get(filled, WHL, If_None_Match=get(filled, WHL).headers["etag"]).status_code == 304
    assert get(filled, WHL, "HEAD").headers["content-length"] == str(256 * 50)


def test_forms_and_codings_are_kept_apart(filled: str) -> None:
    for _ in range(2):
        assert get(filled, PAGE, Accept=V1_JSON).headers["content-type"] == V1_JSON
        assert get(filled, PAGE, Accept="text/html").headers["content-type"].startswith("text/html")
        assert get(filled, PAGE + "?format=" + V1_JSON.replace("+", "%2B")).headers["content-type"] == V1_JSON
    while True:
        began = time.monotonic()
        get(filled, WHL)
        again = get(filled, WHL + "?" + os.urandom(4).hex())
        if time.monotonic() - began < SHORT / 2:  # else its time may be over
            break
    assert hit(again)


ASKED_JSON = "?format=application/vnd.pypi.simple.v1%2Bjson"


@pytest.mark.parametrize(
    ("attack", "victim", "accept"),
    [
        ("?form%61t=application/vnd.pypi.simple.v1%2Bjson", "", "*/*"),
        ("?format=&format=application/vnd.pypi.simple.v1%2Bjson", "", "*/*"),
        ("?form%61t=text/html", "", V1_JSON),
        (ASKED_JSON + "&format=text/html", ASKED_JSON, "*/*"),
        (ASKED_JSON.replace("format", "FORMAT"), ASKED_JSON, "text/html"),
    ],
    ids=["encoded", "second", "html", "other", "upper"],
)
def test_no_query_makes_a_page_another_form_for_others(filled: str, attack: str, victim: str, accept: str) -> None:
    """What the origin makes of an address is kept under a key; it is given no more of the address than is in the key."""
    get(filled, PAGE + attack, Accept=accept)
    told = get(filled, PAGE + victim, Accept=accept).headers["content-type"]
    assert (told == V1_JSON) is (bool(victim) or accept == V1_JSON)


def test_no_query_leads_others_elsewhere(filled: str) -> None:
    get(filled, "/simple/Al_pha/?injected=1")
    assert get(filled, "/simple/Al_pha/").headers["location"] == "/simple/al-pha/"
    get(filled, "/pypi/Al_pha/json?injected=1")
    assert get(filled, "/pypi/Al_pha/json").headers["location"] == "/pypi/al-pha/json"


def test_two_flips_in_a_second_are_never_answered_with_the_old_pointer(filled: str, index: Index) -> None:
    pointer = index.path(POINTER[1:])
    second = int(pointer.stat().st_mtime)
    get(filled, POINTER)
    for number in range(2):
        index.upload("alpha", f"2.{number}")
        index.now = clock()
        index.publish()
        os.utime(pointer, (second, second))
    newest = int(orjson.loads(pointer.read_bytes())["signed"]["version"])
    assert lasting(lambda: version(get(filled, POINTER)) == newest) < 2.5
    for _ in range(5):
        assert version(get(filled, POINTER, If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT")) == newest


@pytest.mark.parametrize(
    "path",
    ["/metadata/999999999999.snapshot.json", "/packages/beta/beta-1.0-py3-none-any.whl", "/metadata/2.root.json"],
)
def test_a_probed_next_name_is_never_hidden(filled: str, index: Index, path: str) -> None:
    for _ in range(3):
        assert get(filled, path).status_code == 404
    index.path(path[1:]).parent.mkdir(parents=True, exist_ok=True)
    index.path(path[1:]).write_bytes(b"{}")
    assert lasting(lambda: get(filled, path).status_code == 200) <= (2.2 if "root" in path else 0)
    assert get(filled, path).status_code == 200


def test_an_origin_that_is_down_is_served_through(filled: str, origin: Origin) -> None:
    for path in (WHL, PAGE, POINTER):
        assert get(filled, path).status_code == 200
    origin.stop()
    time.sleep(2.1)
    for _ in range(3):
        assert get(filled, PAGE).status_code == 200  # stale-if-error
    assert get(filled, POINTER).status_code in (502, 504)
    assert get(filled, WHL).status_code in (502, 504)  # it may have been withdrawn, and nobody can say


def test_authenticated_answers_are_never_kept(filled: str, origin: Origin) -> None:
    origin.stop()
    origin.start({"purged": False}, may_read=lambda headers: headers.get("authorization", "").startswith("Basic "))
    for path in (WHL, PAGE, POINTER):
        for _ in range(2):
            good = get(filled, path, Authorization="Basic Z29vZA==")
            assert (good.status_code, good.headers["x-cache"]) == (200, "BYPASS")
            assert get(filled, path).status_code == 401


def test_a_quarantined_file_is_gone_after_its_bound_and_the_job_looks(filled: str, index: Index) -> None:
    purger = NginxPurger([filled], host=HOST, bound=timedelta(seconds=1))
    index.publisher = replace(index.publisher, purger=purger)
    with index.db.read() as conn:
        [file_id] = conn.exec_driver_sql("SELECT id FROM file").scalars()
    twice(filled, WHL, hit)
    index.now = clock()
    index.move("review.quarantine", file_id, FileState.QUARANTINED)
    index.work("takedown")
    assert lasting(lambda: get(filled, WHL).status_code == 404) < 5
    index.now = clock()
    index.wait(seconds=3)
    index.work("purge")
    with index.db.read() as conn:
        assert conn.execute(job.select().where(job.c.queue == "purge", job.c.due <= index.now)).all() == []
