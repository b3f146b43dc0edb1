"""The static lane over a real connection: what pip, uv, TUF clients, browsers and caches are told."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
import zstandard

from bonded.serve.context import ServeSettings
from bonded.serve.sources import Found
from tests.serve.conftest import BIG, HTML, JSON, METADATA, WHEEL, Make, write
from tests.serve.running import Reply, Running

V1_JSON = "application/vnd.pypi.simple.v1+json"
PIP = f"{V1_JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
WHL = "/packages/demo/demo-1.0-py3-none-any.whl"
BIG_URL = "/packages/demo/demo-1.0+local.tar.gz"

WAYS = pytest.mark.parametrize("way", ["express", "ordinary"])


def fetch(server: Running, way: str, url: str, headers: dict[str, str] | None = None, method: str = "GET") -> Reply:
    """By a connection that stays open (express) or that closes (ordinary): the answers must be the same."""
    return server.keep(url, headers, method) if way == "express" else server.ask(method, url, headers)


@WAYS
@pytest.mark.parametrize(
    ("url", "accept", "type", "body"),
    [
        ("/simple/", "", "text/html; charset=utf-8", HTML),
        ("/simple/demo/", "", "text/html; charset=utf-8", HTML),
        ("/simple/demo/", "text/html", "text/html; charset=utf-8", HTML),
        ("/simple/demo/", PIP, V1_JSON, JSON),
        ("/simple/demo/", "application/vnd.pypi.simple.latest+json", V1_JSON, JSON),
        (
            "/simple/demo/",
            "application/vnd.pypi.simple.v1+html",
            "application/vnd.pypi.simple.v1+html; charset=utf-8",
            HTML,
        ),
        ("/simple/demo/?format=application/vnd.pypi.simple.v1%2Bjson", "text/html", V1_JSON, JSON),
        ("/simple/demo/?format=application/vnd.pypi.simple.v1+json", "text/html", V1_JSON, JSON),
        ("/simple/demo/index.html", "", "text/html; charset=utf-8", HTML),
        ("/simple/demo/index.json", "", V1_JSON, JSON),
        (f"/simple/demo/{'0' * 64}.index.json", "", V1_JSON, JSON),
        (WHL, "", "application/octet-stream", WHEEL),
        (WHL + ".metadata", "", "application/octet-stream", METADATA),
        (BIG_URL, "", "application/octet-stream", BIG),
        (BIG_URL.replace("+", "%2B"), "", "application/octet-stream", BIG),
        ("/metadata/7.snapshot.json", "", "application/json", b'{"signed": {"version": 7}}'),
        ("/publications/7.json", "", "application/json", b"{}"),
        ("/publications/2026-01-05.jsonl.zst", "", "application/zstd", zstandard.compress(b"{}\n")),
        ("/pypi/demo/json", "", "application/json", b'{"info": {}}'),
        ("/pypi/demo/1.0/json", "", "application/json", b'{"info": {}, "urls": []}'),
    ],
)
def test_type_and_body(reader: Running, way: str, url: str, accept: str, type: str, body: bytes) -> None:
    reply = fetch(reader, way, url, {"Accept": accept} if accept else {})
    assert (reply.status, reply["content-type"], reply.body) == (200, type, body)
    assert reply["content-length"] == str(len(body))
    assert reply["x-content-type-options"] == "nosniff"
    assert reply["access-control-allow-origin"] == "*"
    assert reply["x-request-id"]
    assert reply["date"].endswith(" GMT")


@WAYS
@pytest.mark.parametrize(("fields", "status"), [(32, 200), (33, 400)])
def test_a_query_of_too_many_fields(reader: Running, way: str, fields: int, status: int) -> None:
    assert fetch(reader, way, "/simple/demo/?" + "&".join(["a=1"] * fields)).status == status


@WAYS
@pytest.mark.parametrize("url", ["/simple/{}/", "/packages/demo/{}", "/pypi/demo/{}/json", "/simple/demo/{}"])
@pytest.mark.parametrize("length", [252, 255, 256, 5000])
def test_a_name_that_is_too_long_for_the_store_is_not_there(reader: Running, way: str, url: str, length: int) -> None:
    reply = fetch(reader, way, url.format("1" * length), {"Accept-Encoding": "gzip, zstd"})
    assert reply.status == 404


@WAYS
@pytest.mark.parametrize("url", ["/simple/demo/", WHL, BIG_URL, "/simple/absent/", "/metadata/timestamp.json"])
def test_head_says_the_same_and_sends_no_body(reader: Running, way: str, url: str) -> None:
    whole, head = fetch(reader, way, url), fetch(reader, way, url, method="HEAD")
    assert head.body == b""
    for reply in (whole, head):
        for changing in ("x-request-id", "date"):
            reply.headers.pop(changing)
    assert (head.status, head.headers) == (whole.status, whole.headers)


@WAYS
@pytest.mark.parametrize(
    ("asked", "coding", "unpack"),
    [
        ("gzip, deflate, br, zstd", "zstd", zstandard.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("zstd;q=0.1, gzip", "gzip", gzip.decompress),
        ("zstd;q=0, gzip;q=0.5", "gzip", gzip.decompress),
        ("br", None, bytes),
        ("identity", None, bytes),
    ],
)
def test_compressed_copies(reader: Running, way: str, asked: str, coding: str | None, unpack: object) -> None:
    for url, body in (("/simple/demo/", HTML), (WHL + ".metadata", METADATA), ("/metadata/7.snapshot.json", None)):
        reply = fetch(reader, way, url, {"Accept-Encoding": asked})
        assert reply.headers.get("content-encoding") == coding
        assert "Accept-Encoding" in reply["vary"]
        assert body is None or unpack(reply.body) == body  # type: ignore[operator]


def test_archives_are_never_taken_for_compressed_copies(make: Make, store: Path) -> None:
    write(store, "packages/demo/demo-2.0.tar", b"plain")
    write(store, "packages/demo/demo-2.0.tar.gz", b"another file")
    reply = make().get("/packages/demo/demo-2.0.tar", {"Accept-Encoding": "gzip"})
    assert reply.body == b"plain"
    assert "vary" not in reply.headers


def test_each_coding_has_its_own_strong_tag(reader: Running) -> None:
    tags = {reader.get("/simple/demo/", {"Accept-Encoding": coding})["etag"] for coding in ("gzip", "zstd", "identity")}
    assert len(tags) == 3
    assert all(tag.startswith('"') for tag in tags)


def test_vary_names_what_was_looked_at(reader: Running) -> None:
    assert reader.get("/simple/demo/")["vary"] == "Accept, Accept-Encoding"
    assert reader.get("/simple/demo/index.json")["vary"] == "Accept-Encoding"
    assert "vary" not in reader.get(WHL).headers


@WAYS
@pytest.mark.parametrize(
    ("url", "cache"),
    [
        ("/metadata/timestamp.json", "public, max-age=1"),
        ("/metadata/7.snapshot.json", "public, max-age=31536000, immutable"),
        ("/publications/7.json", "public, max-age=31536000, immutable"),
        (f"/simple/demo/{'0' * 64}.index.html", "public, max-age=31536000, immutable"),
        ("/simple/demo/", "public, max-age=10, stale-while-revalidate=10, stale-if-error=3600"),
        ("/pypi/demo/json", "public, max-age=10, stale-while-revalidate=10, stale-if-error=3600"),
        (WHL, "public, max-age=31536000, s-maxage=5, immutable"),
        (WHL + ".metadata", "public, max-age=31536000, s-maxage=5, immutable"),
        ("/packages/demo/absent-1.0.tar.gz", "no-store"),
        ("/simple/absent/", "no-store"),
        ("/metadata/8.snapshot.json", "no-store"),
        ("/metadata/2.root.json", "public, max-age=1"),
    ],
)
def test_caching_by_class(reader: Running, way: str, url: str, cache: str) -> None:
    assert fetch(reader, way, url)["cache-control"] == cache


def test_with_a_purger_the_caches_that_it_clears_may_keep_packages(make: Make) -> None:
    reply = make({"purged": True}).get(WHL)
    assert reply["surrogate-control"] == "max-age=31536000"
    assert reply["cache-control"] == "public, max-age=31536000, s-maxage=5, immutable"  # for all other shared caches


def test_nothing_is_served_stale_for_longer_than_withdrawn_objects_are_kept(make: Make) -> None:
    assert "stale-if-error=60" in make({"grace": 60.0}).get("/simple/demo/")["cache-control"]


@WAYS
@pytest.mark.parametrize(
    ("url", "keys"),
    [
        ("/metadata/timestamp.json", "timestamp store"),
        ("/metadata/7.snapshot.json", "file/metadata/7.snapshot.json store"),
        ("/metadata/1.root.json", "root file/metadata/1.root.json store"),
        ("/metadata/2.root.json", "root"),
        ("/publications/7.json", "file/publications/7.json store"),
        (f"/simple/demo/{'0' * 64}.index.html", f"file/simple/demo/{'0' * 64}.index.html store"),
        ("/simple/", "project/ store"),
        ("/simple/demo/", "project/demo store"),
        ("/simple/demo/index.json", "project/demo store"),
        ("/pypi/demo/json", "project/demo store"),
        ("/pypi/demo/1.0/json", "project/demo store"),
        (WHL, f"file{WHL} store"),
        (WHL + ".metadata", f"file{WHL}.metadata store"),
        (BIG_URL.replace("+", "%2B"), f"file{BIG_URL} store"),
        ("/packages/demo/absent-1.0.tar.gz", None),
        ("/simple/absent/", None),
    ],
)
def test_surrogate_keys(reader: Running, way: str, url: str, keys: str | None) -> None:
    assert fetch(reader, way, url).headers.get("surrogate-key") == keys


@WAYS
def test_the_pointer_is_never_conditional(reader: Running, way: str) -> None:
    plain = fetch(reader, way, "/metadata/timestamp.json")
    assert not {"etag", "last-modified", "accept-ranges"} & set(plain.headers)
    for name, value in (
        ("If-None-Match", "*"),
        ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ("If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT"),
        ("If-Match", '"other"'),
        ("Range", "bytes=0-1"),
    ):
        again = fetch(reader, way, "/metadata/timestamp.json", {name: value})
        assert (again.status, again.body) == (200, plain.body)


@WAYS
@pytest.mark.parametrize("url", ["/simple/demo/", WHL, BIG_URL])
def test_revalidation(reader: Running, way: str, url: str) -> None:
    first = fetch(reader, way, url)
    for given in (first["etag"], f'"other", W/{first["etag"]}', "*"):
        reply = fetch(reader, way, url, {"If-None-Match": given})
        assert (reply.status, reply.body) == (304, b"")
        assert (reply["etag"], reply["cache-control"]) == (first["etag"], first["cache-control"])
        assert "content-length" not in reply.headers
    assert fetch(reader, way, url, {"If-None-Match": '"other"'}).status == 200
    assert fetch(reader, way, url, {"If-Modified-Since": first["last-modified"]}).status == 304
    assert fetch(reader, way, url, {"If-Match": '"other"'}).status == 412
    assert fetch(reader, way, url, {"If-Match": first["etag"]}).status == 200
    assert fetch(reader, way, url, {"If-Unmodified-Since": first["last-modified"]}).status == 200
    assert fetch(reader, way, url, {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}).status == 412


@WAYS
@pytest.mark.parametrize(("url", "body"), [(WHL, WHEEL), (BIG_URL, BIG)])
@pytest.mark.parametrize("span", ["0-99", "100-", "-100", "5000-99999999"])
def test_ranges(reader: Running, way: str, url: str, body: bytes, span: str) -> None:
    reply = fetch(reader, way, url, {"Range": f"bytes={span}"})
    first, _, last = span.partition("-")
    begin = int(first) if first else len(body) - int(last)
    end = min(int(last), len(body) - 1) if first and last else len(body) - 1
    assert reply.status == 206
    assert reply["content-range"] == f"bytes {begin}-{end}/{len(body)}"
    assert reply.body == body[begin : end + 1]
    assert reply["etag"] == fetch(reader, way, url)["etag"]


@WAYS
def test_ranges_that_cannot_be_are_refused_or_ignored(reader: Running, way: str) -> None:
    past = fetch(reader, way, WHL, {"Range": f"bytes={len(WHEEL)}-"})
    assert (past.status, past["content-range"], past["cache-control"]) == (416, f"bytes */{len(WHEEL)}", "no-store")
    for ignored in ("bytes=0-1,4-5", "lines=1-2", "bytes=9-3", "bytes=-", "bytes=a-b"):
        assert fetch(reader, way, WHL, {"Range": ignored}).body == WHEEL
    tag = fetch(reader, way, WHL)["etag"]
    assert fetch(reader, way, WHL, {"Range": "bytes=0-1", "If-Range": tag}).status == 206
    assert fetch(reader, way, WHL, {"Range": "bytes=0-1", "If-Range": '"other"'}).body == WHEEL


def test_a_range_is_of_the_plain_bytes(reader: Running) -> None:
    reply = reader.get("/simple/demo/", {"Range": "bytes=0-8", "Accept-Encoding": "gzip, zstd"})
    assert (reply.status, reply.body) == (206, HTML[:9])
    assert "content-encoding" not in reply.headers


@WAYS
@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("/simple", "/simple/"),
        ("/simple/demo", "/simple/demo/"),
        ("/simple/De_mo.Pack/", "/simple/de-mo-pack/"),
        ("/simple/De--mo", "/simple/de-mo/"),
        ("/simple/Demo/?format=x", "/simple/demo/?format=x"),
        ("/pypi/De_mo/json", "/pypi/de-mo/json"),
        ("/pypi/Demo/1.0/json", "/pypi/demo/1.0/json"),
        ("/pypi/demo/json/", "/pypi/demo/json"),
    ],
)
def test_other_spellings_move_to_the_right_one(reader: Running, way: str, url: str, place: str) -> None:
    reply = fetch(reader, way, url)
    assert (reply.status, reply["location"]) == (301, place)


@WAYS
@pytest.mark.parametrize("version", ["1", "1.0.0", "v1.0", "1.00", "1.0.0.0.0.0"])
def test_a_release_is_found_by_every_equal_version(reader: Running, way: str, version: str) -> None:
    """PEP 440: 1.0.0 is 1.0, which is how it was uploaded."""
    right, found = fetch(reader, way, "/pypi/demo/1.0/json"), fetch(reader, way, f"/pypi/demo/{version}/json")
    assert (found.status, found.body) == (200, right.body)
    for name in ("cache-control", "surrogate-key", "vary", "etag"):  # so what purges one purges both
        assert found[name] == right[name]


@WAYS
@pytest.mark.parametrize("version", ["1.1", "1.0rc1", "1!1.0", "1.0+local", "10", "x", "9" * 250])
def test_a_release_is_not_found_by_another_version(reader: Running, way: str, version: str) -> None:
    reply = fetch(reader, way, f"/pypi/demo/{version}/json")
    assert (reply.status, reply["cache-control"]) == (404, "no-store")


@WAYS
@pytest.mark.parametrize(
    "url",
    [
        "/simple/demo/index.html.gz",
        "/simple/demo/../../private.txt",
        "/simple/%2e%2e/private.txt",
        "/simple/demo/..%2f..%2fprivate.txt",
        "/packages/demo/../../private.txt",
        "/packages/demo/.tmp-123",
        "/packages/demo/%00",
        "/packages/demo/a%5cb",
        "/packages/demo/%ff%fe",
        "/packages/demo/",
        "/packages/",
        "/packages/demo",
        "/packages/Demo/demo-1.0-py3-none-any.whl",
        "/packages//demo/demo-1.0-py3-none-any.whl",
        "/metadata/",
        "/metadata/root.json",
        "/metadata/../private.txt",
        "/pypi/demo",
        "/simple/-demo-/",
        "/simple/demo/" + "x" * 3000,
        "/simple/" + "x" * 256 + "/",
        "/packages/demo/" + "x" * 256,
        "/metadata/1." + "x" * 250 + ".json",
        "/publications/",
        "/simple/demo/index.html/",
        "/simple/demo/index.html%0d%0aX-Evil:%201",
    ],
)
def test_nothing_else_is_found(reader: Running, way: str, url: str) -> None:
    reply = fetch(reader, way, url)
    assert (reply.status, reply["cache-control"], reply.body) == (404, "no-store", b"Not Found\n")
    assert "x-evil" not in reply.headers


@WAYS
def test_a_form_that_we_have_not(reader: Running, way: str) -> None:
    reply = fetch(reader, way, "/simple/demo/?format=nonsense", {"Accept": "*/*"})
    assert (reply.status, reply["cache-control"]) == (406, "no-store")
    assert V1_JSON.encode() in reply.body


@WAYS
@pytest.mark.parametrize("accept", ["application/json", "application/vnd.pypi.simple.v2+json", "image/png"])
def test_whoever_takes_none_of_our_forms_gets_html(reader: Running, way: str, accept: str) -> None:
    """As curl and scripts ask; PEP 691 allows the form that there is by default."""
    reply = fetch(reader, way, "/simple/demo/", {"Accept": accept})
    assert (reply.status, reply["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Accept" in reply["vary"].split(", ")


def test_browsers_may_read_from_elsewhere(reader: Running) -> None:
    reply = reader.ask(
        "OPTIONS", "/simple/demo/", {"Origin": "https://example.invalid", "Access-Control-Request-Method": "GET"}
    )
    assert reply.status == 204
    assert "content-length" not in reply.headers
    assert (reply["access-control-allow-origin"], reply["access-control-allow-methods"]) == ("*", "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_static_lane_only_reads(reader: Running, method: str) -> None:
    reply = reader.ask(method, "/simple/demo/", body=b"x")
    assert (reply.status, reply["allow"]) == (405, "GET, HEAD, OPTIONS")


@WAYS
def test_every_replacement_is_seen_at_once(make: Make, store: Path, way: str) -> None:
    server = make()
    for number in range(60):  # sizes are the same, and all within the same tick of the file system's clock
        (store / "new").write_bytes(b"%03d" % number)
        (store / "new").replace(store / "metadata" / "timestamp.json")
        os.utime(store / "metadata" / "timestamp.json", ns=(0, 0)) if number % 2 else None
        assert fetch(server, way, "/metadata/timestamp.json").body == b"%03d" % number


@WAYS
def test_what_is_withdrawn_is_gone_at_once(make: Make, store: Path, way: str) -> None:
    server = make()
    assert fetch(server, way, WHL).status == 200
    (store / WHL[1:]).unlink()
    assert fetch(server, way, WHL).status == 404


def test_a_store_that_fails_is_a_clear_answer(make: Make, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = make()

    def fail(name: str) -> None:
        raise PermissionError(13, "denied")

    monkeypatch.setattr(server.app.source, "find", fail)
    for way in ("express", "ordinary"):
        reply = fetch(server, way, "/simple/demo/")
        assert (reply.status, reply["cache-control"], reply["retry-after"]) == (503, "no-store", "5")
        assert b"denied" not in reply.raw


def test_a_large_page_that_is_exchanged_between_look_and_opening_is_sent_whole(
    make: Make, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make()
    page = store / "simple/demo/index.json"
    versions = [json.dumps({"files": ["x" * 20] * count}).encode() for count in (60_000, 70_000, 80_000)]
    assert min(map(len, versions)) > ServeSettings().cache_item
    page.write_bytes(versions[0])
    real, waiting = server.app.source.find, versions[1:]

    def overtaken(name: str) -> Found | None:
        found = real(name)
        if found is not None and found.name.endswith("index.json") and waiting:
            made = store / "made"
            made.write_bytes(waiting.pop(0))
            made.replace(page)
        return found

    monkeypatch.setattr(server.app.source, "find", overtaken)
    headers = {"Accept": "application/vnd.pypi.simple.v1+json", "Accept-Encoding": "identity"}
    reply = fetch(server, "ordinary", "/simple/demo/", headers)
    assert reply.status == 200
    assert reply.body == versions[-1]
    assert reply["etag"] == fetch(server, "ordinary", "/simple/demo/", headers)["etag"]

    def always(name: str) -> Found | None:
        found = real(name)
        page.write_bytes(page.read_bytes() + b" ")
        return found

    monkeypatch.setattr(server.app.source, "find", always)
    assert fetch(server, "ordinary", "/simple/demo/", headers).status == 503


@WAYS
@pytest.mark.parametrize("longer", [0, 3_000_000], ids=["held", "not held"])
def test_a_document_of_the_json_api_tells_its_serial(make: Make, store: Path, way: str, longer: int) -> None:
    server = make()
    tail = b'"info":{"description":"' + b"x" * longer + b'"}}'
    for name, first in (("told", b'{"last_serial":1795363390,'), ("old", b"{"), ("odd", b'{"last_serial":"7",')):
        write(store, f"pypi/{name}/json", first + tail)
    assert fetch(server, way, "/pypi/told/json").headers["x-pypi-last-serial"] == "1795363390"
    assert fetch(server, way, "/pypi/told/json", method="HEAD").headers["x-pypi-last-serial"] == "1795363390"
    for url in ("/pypi/old/json", "/pypi/odd/json", "/simple/demo/", WHL):
        assert "x-pypi-last-serial" not in fetch(server, way, url).headers
    write(store, "pypi/told/json", b'{"last_serial":1795363391,' + tail)
    assert fetch(server, way, "/pypi/told/json").headers["x-pypi-last-serial"] == "1795363391"


def test_a_file_cut_while_it_is_sent_ends_the_connection(make: Make, store: Path) -> None:
    server = make()
    path = store / "packages/demo/huge-1.0.tar.gz"
    with path.open("wb") as stream:
        stream.truncate(64 * 1024 * 1024)
    with server.connect() as one:
        one.sendall(b"GET /packages/demo/huge-1.0.tar.gz HTTP/1.1\r\nHost: x\r\n\r\n")
        got = len(one.recv(65536))
        os.truncate(path, 1024 * 1024)
        while piece := one.recv(1 << 20):
            got += len(piece)
    assert got < 64 * 1024 * 1024
