"""A real Varnish, once purged by key and once by ban: what it keeps, what it forgets, and how soon."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from bonded.adapters.purger_varnish import VarnishPurger
from bonded.catalog import change
from bonded.seams import PurgeFailed
from bonded.values.states import FileState
from bonded.values.who import OPERATOR
from tests.caches.running import HOST, Origin, Varnish, get, kept, lasting, twice
from tests.serve.running import clock, parse, read_all, until
from tests.tuf_ops.index import Index

V1_JSON = "application/vnd.pypi.simple.v1+json"
PIP = f"{V1_JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
UV = f"{V1_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
WHL = "/packages/alpha/alpha-1.0-py3-none-any.whl"
PAGE = "/simple/alpha/"
POINTER = "/metadata/timestamp.json"


def advance(index: Index) -> None:
    index.now = clock()


def settle(index: Index) -> None:
    """Publish, and run every job that is due now."""
    advance(index)
    index.settle_everything()


def version(reply: httpx.Response) -> int:
    return int(orjson.loads(reply.content)["signed"]["version"])


def test_what_is_asked_twice_is_fetched_once(cache: Varnish, index: Index, origin: Origin) -> None:
    index.upload("alpha")
    settle(index)
    snapshot = f"/metadata/{version(get(cache.url, POINTER))}.snapshot.json"
    for path in (
        WHL,
        WHL + ".metadata",
        PAGE,
        "/simple/",
        "/pypi/alpha/json",
        POINTER,
        "/metadata/1.root.json",
        snapshot,
    ):
        second = twice(cache.url, path, kept)
        assert second.status_code == 200, path
        assert second.content == get(f"http://127.0.0.1:{origin.port}", path).content
        hidden = {"surrogate-key", "surrogate-control", "xkey", "x-bonded-failed"}
        assert not hidden & set(second.headers)
        assert second.headers["access-control-allow-origin"] == "*"


def test_clients_share_copies_and_queries_make_none(cache: Varnish, index: Index) -> None:
    index.upload("alpha")
    settle(index)
    first = get(cache.url, PAGE, Accept=PIP, Accept_Encoding="gzip, deflate")
    assert first.headers["content-type"] == V1_JSON
    for accept, coding in ((UV, "gzip, br"), (V1_JSON, "gzip"), (PIP, "identity")):
        reply = get(cache.url, PAGE, Accept=accept, Accept_Encoding=coding, Cookie="x=y")
        assert kept(reply)
        assert reply.content == first.content
    html = get(cache.url, PAGE, Accept="text/html")
    assert html.headers["content-type"].startswith("text/html")
    assert get(cache.url, PAGE + "?format=" + V1_JSON.replace("+", "%2B")).headers["content-type"] == V1_JSON
    get(cache.url, WHL)
    assert kept(get(cache.url, WHL + "?" + os.urandom(4).hex()))
    assert kept(get(cache.url, WHL, Host="another.example.invalid"))


@pytest.mark.parametrize(
    "odd", ["application/json", f"{V1_JSON};q=0.1, text/html", "application/vnd.pypi.simple.v2+json"]
)
def test_unusual_accept_headers_are_weighed_by_the_origin(
    cache: Varnish, index: Index, origin: Origin, odd: str
) -> None:
    index.upload("alpha")
    settle(index)
    get(cache.url, PAGE, Accept=PIP)
    through, direct = get(cache.url, PAGE, Accept=odd), get(f"http://127.0.0.1:{origin.port}", PAGE, Accept=odd)
    assert (through.status_code, through.headers["content-type"]) == (
        direct.status_code,
        direct.headers["content-type"],
    )


def test_ranges_and_conditions_are_answered_from_the_cache(cache: Varnish, index: Index, origin: Origin) -> None:
    index.upload("alpha", data=bytes(range(256)) * 100)
    settle(index)
    whole = get(cache.url, WHL)
    part = get(cache.url, WHL, Range="bytes=10-19")
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    same = get(cache.url, WHL, If_None_Match=whole.headers["etag"])
    assert (same.status_code, same.content) == (304, b"")
    head = get(cache.url, WHL, "HEAD")
    assert head.headers["content-length"] == str(len(whole.content))
    assert kept(part)
    assert kept(same)
    assert kept(head)


def test_a_quarantined_file_is_gone_within_five_seconds_without_a_publisher(
    cache: Varnish, purged_index: Index
) -> None:
    index = purged_index
    file_id = index.upload("alpha")
    other = index.upload("beta")
    settle(index)
    with index.db.read() as conn:
        from bonded.catalog.read import file as read_file

        sha256 = read_file(conn, file_id).sha256  # type: ignore[union-attr]
    hashed = WHL.replace("/alpha-", f"/{sha256}.alpha-")
    beta = "/packages/beta/" + index.filename(other)
    paths = (WHL, hashed, WHL + ".metadata")
    for path in (*paths, beta):
        get(cache.url, path)
        get(cache.url, path, Accept_Encoding="gzip")
        assert kept(get(cache.url, path))
    advance(index)
    index.move("review.quarantine", file_id, FileState.QUARANTINED)
    began = time.monotonic()
    index.work("takedown")
    index.work("purge")
    for path in paths:
        assert get(cache.url, path).status_code == 404
        assert get(cache.url, path, Accept_Encoding="gzip").status_code == 404
        assert get(cache.url, path, Range="bytes=0-1").status_code == 404
    assert time.monotonic() - began < 5
    assert kept(get(cache.url, beta))
    advance(index)
    index.move("review.release", file_id, FileState.PUBLIC)
    settle(index)
    assert get(cache.url, WHL).status_code == 200  # the 404 was not kept


def test_a_fetch_under_way_during_the_purge_is_purged_again(cache: Varnish, purged_index: Index) -> None:
    index = purged_index
    file_id = index.upload("alpha")
    settle(index)
    data = index.path(WHL[1:]).read_bytes()
    advance(index)
    index.move("review.quarantine", file_id, FileState.QUARANTINED)
    index.work("takedown")
    index.work("purge")
    index.path(WHL[1:]).write_bytes(data)  # as if its answer had begun before the file went
    assert get(cache.url, WHL).status_code == 200
    index.path(WHL[1:]).unlink()
    assert kept(get(cache.url, WHL))
    index.wait(seconds=3)
    index.work("purge")
    assert get(cache.url, WHL).status_code == 404


def test_a_changed_page_is_shown_as_soon_as_its_copy_is_made(cache: Varnish, purged_index: Index) -> None:
    index = purged_index
    index.upload("alpha")
    index.upload("beta")
    settle(index)
    for path in (PAGE, "/simple/beta/", "/pypi/alpha/json"):
        get(cache.url, path, Accept=PIP)
    get(cache.url, PAGE, Accept="text/html", Accept_Encoding="gzip")
    index.upload("alpha", "2.0")
    settle(index)
    assert b"alpha-2.0" in get(cache.url, PAGE, Accept=PIP).content
    assert b"alpha-2.0" in get(cache.url, PAGE, Accept="text/html", Accept_Encoding="gzip").content
    assert kept(get(cache.url, "/simple/beta/", Accept=PIP))


def test_two_flips_in_a_second_are_never_answered_with_the_old_pointer(cache: Varnish, index: Index) -> None:
    """Nothing is purged here: the time to live alone has to do it, and no 304 of the origin may lengthen it."""
    index.upload("alpha")
    settle(index)
    pointer = index.path(POINTER[1:])
    second = int(pointer.stat().st_mtime)
    versions = [version(get(cache.url, POINTER))]
    for number in range(2):
        index.upload("alpha", f"2.{number}")
        advance(index)
        index.publish()
        os.utime(pointer, (second, second))  # the same second; the length is the same by nature
        versions.append(int(orjson.loads(pointer.read_bytes())["signed"]["version"]))
    assert len(set(versions)) == 3
    assert get(cache.url, POINTER).headers.get("etag") is None
    assert lasting(lambda: version(get(cache.url, POINTER)) == versions[-1]) < 4
    for _ in range(5):
        conditions = {"If_None_Match": "*", "If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
        assert version(get(cache.url, POINTER, **conditions)) == versions[-1]


def test_a_flip_purges_the_pointer(cache: Varnish, purged_index: Index) -> None:
    index = purged_index
    index.upload("alpha")
    settle(index)
    before = version(get(cache.url, POINTER))
    index.upload("beta")
    settle(index)
    assert version(get(cache.url, POINTER)) > before


@pytest.mark.parametrize("what", ["snapshot", "root", "package", "page"])
def test_a_probed_next_name_is_never_hidden(cache: Varnish, index: Index, what: str) -> None:
    index.upload("alpha")
    settle(index)
    live = version(get(cache.url, POINTER))
    path = {
        "snapshot": f"/metadata/{live + 1}.snapshot.json",
        "root": "/metadata/2.root.json",
        "package": "/packages/beta/beta-1.0-py3-none-any.whl",
        "page": "/simple/beta/",
    }[what]
    for _ in range(3):
        assert get(cache.url, path).status_code == 404
        assert get(cache.url, path, "HEAD").status_code == 404
    name = path[1:] + ("index.html" if what == "page" else "")
    index.path(name).parent.mkdir(parents=True, exist_ok=True)
    index.path(name).write_bytes(b"{}")
    if what == "root":
        assert lasting(lambda: get(cache.url, path).status_code == 200) < 2.2  # the one 404 that is kept, for a second
    assert get(cache.url, path).status_code == 200


def test_a_new_root_is_shown_at_once_when_it_is_purged(cache: Varnish, index: Index, purger: VarnishPurger) -> None:
    path = "/metadata/2.root.json"
    assert get(cache.url, path).status_code == 404
    assert kept(get(cache.url, path))
    index.path(path[1:]).write_bytes(b"{}")
    purger.purge(["root"])
    assert get(cache.url, path).status_code == 200


def test_an_origin_that_is_down_is_served_through(cache: Varnish, index: Index, origin: Origin) -> None:
    origin.stop()
    origin.start({"page_ttl": 1.0, "package_bound": 1.0})
    index.upload("alpha")
    settle(index)
    for path in (WHL, PAGE, POINTER):
        assert get(cache.url, path).status_code == 200
    origin.stop()
    time.sleep(2.2)  # the page's own second, and another in which it may be given out while it is fetched anew
    for _ in range(3):
        assert get(cache.url, PAGE).status_code == 200  # its time is over; stale-if-error keeps it
        assert get(cache.url, WHL).status_code == 200
    assert get(cache.url, POINTER).status_code == 503  # an old pointer is worse than none
    assert get(cache.url, "/simple/absent/").status_code == 503
    origin.start()
    until(lambda: get(cache.url, POINTER).status_code == 200, 60)


def test_a_failing_origin_is_served_through_too(cache: Varnish, index: Index, origin: Origin) -> None:
    """Up, but answering 503: the store cannot be read."""
    index.upload("alpha")
    settle(index)
    origin.stop()
    origin.start({"page_ttl": 1.0, "package_bound": 1.0})
    assert get(cache.url, PAGE).status_code == 200
    time.sleep(2.2)
    folder = index.folder / "public"
    (folder / "simple").rename(folder / "away")
    (folder / "simple").symlink_to("simple")  # a loop: ELOOP, not "not found"
    assert get(f"http://127.0.0.1:{origin.port}", PAGE).status_code == 503
    for _ in range(2):
        assert get(cache.url, PAGE).status_code == 200


def test_an_old_page_is_given_out_while_it_is_fetched_anew_and_no_longer(
    cache: Varnish, index: Index, origin: Origin
) -> None:
    origin.stop()
    origin.start({"page_ttl": 1.0})
    index.upload("alpha")
    settle(index)

    def changed(word: bytes) -> None:
        page = index.path("simple/alpha/index.html")
        page.with_name("new").write_bytes(page.read_bytes() + word)
        page.with_name("new").rename(page)

    for number in itertools.count():
        began, first = time.monotonic(), b"first %d." % number
        get(cache.url, PAGE)
        changed(first)
        time.sleep(1.2)
        shown = get(cache.url, PAGE).content
        if time.monotonic() - began < 1.9:  # else a busy machine took longer than an old page is given out
            break
        cache.forget()
    assert first not in shown  # within stale-while-revalidate: nobody is kept waiting
    until(lambda: first in get(cache.url, PAGE).content, 60)
    changed(b"second")
    time.sleep(2.3)
    assert b"second" in get(cache.url, PAGE).content  # beyond it the client waits for the new page


def test_what_was_withdrawn_is_not_served_stale(cache: Varnish, index: Index, origin: Origin) -> None:
    """Where nothing purges, files keep to their bound although the origin is down: withdrawal goes before availability."""
    origin.stop()
    origin.start({"purged": False, "package_bound": 1.0})
    index.upload("alpha")
    settle(index)
    assert get(cache.url, WHL).status_code == 200
    origin.stop()
    time.sleep(1.2)
    assert get(cache.url, WHL).status_code == 503


def test_authenticated_answers_are_never_kept(cache: Varnish, index: Index, origin: Origin) -> None:
    origin.stop()
    origin.start(may_read=lambda headers: headers.get("authorization", "").startswith("Basic "))
    index.upload("alpha")
    settle(index)
    for path in (WHL, PAGE, POINTER):
        for coding in ("gzip", "identity", "zstd"):
            for _ in range(2):
                good = get(cache.url, path, Authorization="Basic Z29vZA==", Accept_Encoding=coding)
                assert (good.status_code, good.headers["cache-control"]) == (200, "private, no-store")
                assert not kept(good)
                assert get(cache.url, path, Accept_Encoding=coding).status_code == 401
                assert get(cache.url, path, Cookie="session=x", Accept_Encoding=coding).status_code == 401


def test_pages_of_people_are_never_kept(cache: Varnish, origin: Origin) -> None:
    for _ in range(2):
        for who in ("anna", "bert"):
            assert get(cache.url, "/manage/", Cookie=f"session={who}").text.startswith(f"session={who}")
            assert get(cache.url, "/manage/", Authorization=f"Basic {who}").text.startswith(f"Basic {who}")
        assert get(cache.url, "/account/").text.startswith("nobody")
    everybody = {get(cache.url, "/help/").text for _ in range(3)}
    assert len(everybody) == 1


@pytest.mark.parametrize(("source", "believed"), [("127.0.0.1", True), ("127.0.0.2", False)])
def test_scheme_and_host_are_those_of_the_client_unless_a_tls_proxy_says_them(
    cache: Varnish, origin: Origin, source: str, believed: bool
) -> None:
    """The index believes Varnish, so Varnish must not say what anybody told it."""

    def told(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain"), ("Cache-Control", "no-store")])
        return [" ".join(environ[k] for k in ("wsgi.url_scheme", "HTTP_HOST", "bonded.request_id")).encode()]

    origin.stop()
    origin.start({"trusted_proxies": ("127.0.0.1",)}, application=told)
    claimed = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "other.invalid", "X-Request-Id": "mine"}
    with httpx.Client(transport=httpx.HTTPTransport(local_address=source), timeout=60) as client:
        words = client.get(cache.url + "/help/", headers={"Host": HOST} | claimed).text.split()
    assert words[:2] == (["https", "other.invalid"] if believed else ["http", HOST])
    assert (words[2] == "mine") is believed


@pytest.mark.parametrize("target", ["/metrics", "/metrics?x", "/metrics#x", "https://x/metrics", "http://x/metrics"])
def test_the_figures_are_not_for_the_world(cache: Varnish, target: str) -> None:
    with socket.create_connection(("127.0.0.1", cache.port), timeout=60) as one:
        one.sendall(f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        assert parse(read_all(one)).status == 404


def test_only_the_workers_may_purge(cache: Varnish, index: Index) -> None:
    index.upload("alpha")
    settle(index)
    get(cache.url, WHL)
    key = f"file{WHL}"
    header = {"xkey": ("PURGE", "xkey_purge", key), "ban": ("BAN", "X_Bonded_Ban", "packages")}[cache.kind]
    method, name, value = header
    through_a_proxy = get(cache.url, "/", method, X_Forwarded_For="203.0.113.1", **{name: value})
    assert through_a_proxy.status_code == 405
    assert get(cache.url, "/", method).status_code == 400
    if cache.kind == "ban":
        assert get(cache.url, "/", method, X_Bonded_Ban="a || req.url ~ .").status_code == 400
        assert get(cache.url, "/", method, X_Bonded_Ban="(").status_code == 400
    assert kept(get(cache.url, WHL))
    assert get(cache.url, WHL, "PURGE" if cache.kind == "ban" else "BAN").status_code != 200
    assert get(cache.url, "/", method, **{name: value}).reason_phrase.startswith("Purged")
    assert not kept(get(cache.url, WHL))


def test_keys_are_compared_whole_and_literally(cache: Varnish, index: Index, purger: VarnishPurger) -> None:
    folder = index.path("packages/alpha")
    folder.mkdir(parents=True)
    names = [
        "alpha-1.0+local.tar.gz",
        "alpha-1.0+local.tar.gz.metadata",
        "alpha-1x0+local.tar.gz",
        "alpha-1.00local.tar.gz",
    ]
    for name in names:
        (folder / name).write_bytes(name.encode())
        get(cache.url, f"/packages/alpha/{name}")
    purger.purge([f"file/packages/alpha/{names[0]}", "project/"])
    assert [kept(get(cache.url, f"/packages/alpha/{name}")) for name in names] == [False, True, True, True]


def test_thousands_of_keys_are_purged_at_once(cache: Varnish, index: Index, purger: VarnishPurger) -> None:
    folder = index.path("packages/alpha")
    folder.mkdir(parents=True)
    names = [f"alpha-1.{n}+{'l' * 60}.tar.gz" for n in (0, 1500, 2999)]
    for name in names:
        (folder / name).write_bytes(b"x")
        get(cache.url, f"/packages/alpha/{name}")
    purger.purge(f"file/packages/alpha/alpha-1.{n}+{'l' * 60}.tar.gz" for n in range(3000))
    assert not any(kept(get(cache.url, f"/packages/alpha/{name}")) for name in names)


def test_soft_purges_show_an_old_page_once_more_and_never_an_old_file(
    cache: Varnish, index: Index, origin: Origin
) -> None:
    if cache.kind == "ban":
        return  # settings refuse it
    purger = VarnishPurger([cache.url], host=HOST, soft=True, timeout=60)
    index.upload("alpha")
    settle(index)
    page = index.path("simple/alpha/index.html")
    get(cache.url, PAGE)
    get(cache.url, WHL)
    page.with_name("new").write_bytes(page.read_bytes() + b"<!-- new -->")
    page.with_name("new").rename(page)
    for copy in (".gz", ".zst"):
        page.with_name(page.name + copy).unlink(missing_ok=True)
    index.path(WHL[1:]).unlink()
    purger.purge(["project/alpha", f"file{WHL}"])
    assert b"<!-- new -->" not in get(cache.url, PAGE).content
    until(lambda: b"<!-- new -->" in get(cache.url, PAGE).content, 60)
    assert get(cache.url, WHL).status_code == 404


def test_a_cache_that_is_down_is_named_and_the_others_are_purged(cache: Varnish, index: Index, tmp_path: Path) -> None:
    index.upload("alpha")
    settle(index)
    get(cache.url, WHL)
    purger = VarnishPurger(["http://127.0.0.1:1", cache.url], host=HOST, ban=cache.kind == "ban", timeout=60)
    with pytest.raises(PurgeFailed, match="does not answer"):
        purger.purge([f"file{WHL}"])
    assert not kept(get(cache.url, WHL))


def test_a_server_that_is_no_varnish_is_no_confirmation(index: Index, origin: Origin) -> None:
    index.upload("alpha")
    with pytest.raises(PurgeFailed, match="refused the purge"):
        VarnishPurger([f"http://127.0.0.1:{origin.port}"], host=HOST).purge(["timestamp"])


def test_a_removed_files_page_is_gone_from_the_cache_before_its_bytes(cache: Varnish, purged_index: Index) -> None:
    index = purged_index
    file_id = index.upload("alpha")
    index.upload("alpha", "2.0")
    settle(index)
    get(cache.url, PAGE, Accept=PIP)
    get(cache.url, WHL)
    advance(index)
    with index.db.write() as tx:
        change.delete_file(tx, OPERATOR, file_id, reason="", now=index.now)
    settle(index)
    index.wait(seconds=3)
    index.work()
    assert b"alpha-1.0" not in get(cache.url, PAGE, Accept=PIP).content
    assert get(cache.url, WHL).status_code == 200
    index.wait(seconds=85)
    index.work("takedown")
    index.work("purge")
    assert get(cache.url, WHL).status_code == 404
