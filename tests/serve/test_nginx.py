"""nginx with the shipped configuration and the built-in server give the same for what pip, uv and TUF clients send."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import zstandard

from bonded.serve.context import ServeContext, ServeSettings
from bonded_client.decode import ACCEPTED
from bonded_client.fetcher import Deadlines, Fetcher, Proxies
from bonded_client.proxy_early import plain
from tests.serve.conftest import HTML, NoReceiver, echo, fill, write
from tests.serve.nginx import free_port, nginx
from tests.serve.running import Running, clock

V1_JSON = "application/vnd.pypi.simple.v1+json"
PIP = {
    "Accept": f"{V1_JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
    "Accept-Encoding": "gzip, deflate",
    "Cache-Control": "max-age=0",
}
UV = {
    "Accept": f"{V1_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
    "Accept-Encoding": "gzip, br",
}
TUF = {"Accept-Encoding": "identity"}
BROWSER = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Encoding": "gzip, deflate, br",
}
HTML_ONLY = {"Accept": "application/vnd.pypi.simple.v1+html", "Accept-Encoding": "gzip"}
CURL = {"Accept": "*/*", "Accept-Encoding": "deflate, gzip"}
SCRIPT = {"Accept": "application/json", "Accept-Encoding": "gzip"}
WHL = "/packages/demo/demo-1.0-py3-none-any.whl"
DIGEST = "0" * 64

CLIENT = httpx.Client(verify=False, timeout=60)

COMPARED = (
    "content-type",
    "cache-control",
    "surrogate-control",
    "surrogate-key",
    "vary",
    "content-encoding",
    "content-range",
    "location",
    "x-content-type-options",
    "content-security-policy",
    "access-control-allow-origin",
)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """Addresses of the built-in server and of nginx, over one store."""
    folder = tmp_path_factory.mktemp("nginx")
    store = fill(folder / "public")
    context = ServeContext(
        store,
        echo,
        NoReceiver,
        clock,
        settings=ServeSettings(trusted_proxies=("127.0.0.1",)),
        new_submission=NoReceiver,
    )
    with Running(context) as server, nginx(folder / "run", store, server.port) as port:
        yield f"http://127.0.0.1:{server.port}", f"http://127.0.0.1:{port}", store


def answer(base: str, method: str, url: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    with CLIENT.stream(method, base + url, headers=headers) as reply:
        body = b"".join(reply.iter_raw())
    found = {name: reply.headers[name] for name in COMPARED if name in reply.headers}
    unpack = {"gzip": gzip.decompress, "zstd": zstandard.decompress}.get(found.get("content-encoding", ""), bytes)
    return reply.status_code, found, unpack(body) if body else b""


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "client",
    [PIP, UV, TUF, BROWSER, HTML_ONLY, CURL, SCRIPT],
    ids=["pip", "uv", "tuf", "browser", "html", "curl", "script"],
)
def test_same_answers(both: tuple[str, str, Path], method: str, client: dict[str, str]) -> None:
    ours, theirs, _ = both
    for url in (
        "/simple/",
        "/simple/demo/",
        "/simple/absent/",
        "/simple/De_mo/",
        "/simple/demo",
        "/simple",
        f"/simple/demo/{DIGEST}.index.html",
        f"/simple/demo/{DIGEST}.index.json",
        f"/simple/demo/{'1' * 64}.index.json",
        WHL,
        WHL + ".metadata",
        f"/packages/demo/{DIGEST}.demo-1.0-py3-none-any.whl",
        "/packages/demo/demo-1.0+local.tar.gz",
        "/packages/demo/demo-1.0%2Blocal.tar.gz",
        "/packages/demo/absent-1.0.tar.gz",
        "/packages/demo/.tmp-123",
        "/metadata/timestamp.json",
        "/metadata/1.root.json",
        "/metadata/2.root.json",
        "/metadata/7.snapshot.json",
        "/metadata/8.snapshot.json",
        "/publications/7.json",
        "/publications/2026-01-05.jsonl.zst",
        "/publications/9.json",
        "/pypi/demo/json",
        "/pypi/demo/1.0/json",
        "/pypi/De_mo/json",
        "/pypi/absent/json",
        "/pypi/demo/1/json",
        "/pypi/demo/V1.0.0/json",
        "/pypi/demo/2.0/json",
        "/simple/demo/?format=application/vnd.pypi.simple.v1%2Bjson",
        "/simple/demo/?format=nonsense",
    ):
        assert answer(theirs, method, url, client) == answer(ours, method, url, client), url


@pytest.mark.parametrize("span", ["bytes=0-99", "bytes=-64", "bytes=100-", "bytes=0-1,5-6"])
def test_same_ranges(both: tuple[str, str, Path], span: str) -> None:
    ours, theirs, _ = both
    for url in (WHL, "/packages/demo/demo-1.0+local.tar.gz"):
        assert answer(theirs, "GET", url, {"Range": span}) == answer(ours, "GET", url, {"Range": span})


@pytest.mark.parametrize("name", ["metadata/7.bin-1-07.json", f"simple/big/{DIGEST}.index.json"])
@pytest.mark.parametrize("via", [{}, {"Via": "1.1 cache"}], ids=["direct", "through-a-cache"])
def test_large_objects_without_a_gzip_copy_are_packed_on_their_way(
    both: tuple[str, str, Path], name: str, via: dict[str, str]
) -> None:
    """The publisher makes a copy for zstd only; nginx has no module for that, and clients behind it ask for gzip."""
    _, theirs, store = both
    path = store / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data := b'{"bin": "' + b"packages/demo/" * 2000 + b'"}')
    Path(f"{path}.zst").write_bytes(zstandard.compress(data))
    status, found, body = answer(theirs, "GET", f"/{name}", PIP | via)
    assert (status, found["content-encoding"], body) == (200, "gzip", data)
    assert found["vary"] == "Accept-Encoding"
    status, found, body = answer(theirs, "GET", f"/{name}", TUF | via)
    assert (status, found.get("content-encoding"), body) == (200, None, data)


def test_revalidation_works_on_both(both: tuple[str, str, Path]) -> None:
    for base in both[:2]:
        for url in ("/simple/demo/", WHL, "/metadata/7.snapshot.json"):
            first = CLIENT.get(base + url, headers={"Accept-Encoding": "gzip"})
            again = CLIENT.get(base + url, headers={"Accept-Encoding": "gzip", "If-None-Match": first.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")


def test_the_pointer_is_never_304_on_either(both: tuple[str, str, Path]) -> None:
    *bases, store = both
    pointer = store / "metadata/timestamp.json"
    before = pointer.read_bytes()
    for base in bases:
        reply = CLIENT.get(base + "/metadata/timestamp.json")
        assert not {"etag", "last-modified"} & set(reply.headers)
        changed = before.replace(b": 7", b": 8")
        assert len(changed) == len(before)
        times = pointer.stat()
        pointer.write_bytes(changed)
        os.utime(pointer, ns=(times.st_mtime_ns, times.st_mtime_ns))  # the same second and length
        asked = {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT", "If-None-Match": "*"}
        assert CLIENT.get(base + "/metadata/timestamp.json", headers=asked).content == changed
        pointer.write_bytes(before)


@pytest.mark.parametrize(
    "asked",
    [
        {"If-None-Match": "*"},
        {"If-Match": '"other"'},
        {"If-Match": "*"},
        {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
    ],
    ids=["none-match", "match", "match-any", "unmodified"],
)
def test_no_condition_keeps_an_old_pointer_in_a_cache(both: tuple[str, str, Path], asked: dict[str, str]) -> None:
    """A cache that passes its clients' conditions on would take a 304 for word that the pointer it has is still the newest."""
    *bases, store = both
    for base in bases:
        reply = CLIENT.get(base + "/metadata/timestamp.json", headers=asked)
        assert (reply.status_code, reply.content) == (200, (store / "metadata/timestamp.json").read_bytes())


@pytest.mark.parametrize("url", [WHL, "/simple/demo/", "/metadata/1.root.json", f"/simple/demo/{DIGEST}.index.json"])
def test_a_range_beyond_the_end_is_kept_by_no_cache(both: tuple[str, str, Path], url: str) -> None:
    """A cache would give the refusal to everybody, for as long as it may keep the file itself."""
    for base in both[:2]:
        for method in ("GET", "HEAD"):
            reply = CLIENT.request(method, base + url, headers=TUF | {"Range": "bytes=99999999-"})
            assert reply.status_code == 416
            assert "no-store" in reply.headers["cache-control"]
            assert reply.headers["content-range"].startswith("bytes */")
        assert CLIENT.get(base + url).headers["cache-control"].startswith("public")


def test_what_nginx_cannot_do_it_passes_on(both: tuple[str, str, Path]) -> None:
    _, theirs, _ = both
    told = CLIENT.get(
        theirs + "/project/demo/", headers={"X-Forwarded-For": "6.6.6.6", "Host": "packages.example.invalid"}
    ).json()["environ"]
    assert (told["REMOTE_ADDR"], told["HTTP_HOST"]) == ("127.0.0.1", "packages.example.invalid")
    assert len(told["bonded.request_id"]) == 32
    for path in ("/legacy/", "/legacy", "/api/screenings/"):
        uploaded = CLIENT.post(
            theirs + path, content=b"x" * 3_000_000, headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert uploaded.status_code != 413, path
        assert uploaded.json()["received"] == "3000000"
    assert CLIENT.options(theirs + "/simple/demo/").headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    for path in ("/metadata/1.root.json", "/metadata/9.root.json", "/pypi/demo/1.0/json"):
        assert CLIENT.options(theirs + path).headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert CLIENT.post(theirs + "/simple/demo/").status_code == 405
    assert CLIENT.get(theirs + "/metrics").status_code == 404
    assert CLIENT.get(theirs + "/bonded-html/demo/index.html").status_code == 404
    assert CLIENT.get(theirs + "/simple/demo/").content == HTML


def test_mirrors_are_told_the_serial_of_a_document(both: tuple[str, str, Path]) -> None:
    ours, theirs, store = both
    write(store, "pypi/told/json", b'{"last_serial":7,"info":{}}')
    agent = {"User-Agent": "bandersnatch/6.8.0 (cpython 3.13)"}
    for base in (ours, theirs):
        answer = CLIENT.get(f"{base}/pypi/told/json", headers=agent)
        assert (answer.headers["x-pypi-last-serial"], answer.json()) == ("7", {"last_serial": 7, "info": {}})
    assert CLIENT.get(f"{theirs}/pypi/told/json").json() == {"last_serial": 7, "info": {}}


def test_reason_phrases_pass_through(tmp_path: Path) -> None:
    def refuse(environ: dict[str, object], start: object) -> list[bytes]:
        start("400 File already exists (demo-1.0.tar.gz)", [("Content-Type", "text/plain")])  # type: ignore[operator]
        return [b"no"]

    context = ServeContext(fill(tmp_path / "public"), refuse, NoReceiver, clock)
    with Running(context) as server, nginx(tmp_path / "run", tmp_path / "public", server.port) as port:
        assert (
            CLIENT.post(f"http://127.0.0.1:{port}/legacy/", content=b"x").reason_phrase
            == "File already exists (demo-1.0.tar.gz)"
        )


@pytest.mark.parametrize("form", ["json", "html"])
def test_nginx_has_what_the_verifying_proxy_asks_for_early(tmp_path: Path, form: str) -> None:
    """Also that of a mirror, which has nothing behind it; otherwise each page would take one more round trip, unseen."""
    store = fill(tmp_path / "public")
    fetcher = Fetcher(Deadlines(), Proxies())
    with nginx(tmp_path / "run", store, free_port()) as port:
        url, accepted = plain(f"http://127.0.0.1:{port}/", f"simple/demo/index.{form}")
        found = fetcher.stream(url, 10**6, ACCEPTED, accepted)
        assert b"".join(found) == (store / f"simple/demo/index.{form}").read_bytes()
    fetcher.close()
