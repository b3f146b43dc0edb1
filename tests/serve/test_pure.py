"""The pure parts: paths, conditions, negotiation, peers, environment, and the source's memory."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonded.serve.caching import Times, cache_control
from bonded.serve.conditions import Conditions, Span, outcome
from bonded.serve.environ import fault_of, fold, native
from bonded.serve.negotiate import codings, simple_form
from bonded.serve.paths import LONGEST, Asset, Class, Moved, Page, is_static, target
from bonded.serve.peers import is_host, is_in, networks, resolve
from bonded.serve.sources import FolderSource
from bonded.values.names import normalize


@given(st.text(max_size=80))
def test_no_path_leaves_the_store(text: str) -> None:
    """Whatever is asked, the object's name is a plain relative path without dot segments or hidden parts."""
    for path in ("/" + text, "/simple/" + text, "/packages/demo/" + quote(text, safe=""), "/metadata/" + text):
        found = target(path)
        name = found.name if isinstance(found, Asset) else found.folder if isinstance(found, Page) else ""
        assert not name.startswith(("/", "."))
        assert not any(part.startswith(".") for part in name.split("/"))
        assert name.isascii()
        assert "\\" not in name
        assert name.isprintable()
        if isinstance(found, Moved):
            assert found.path.startswith(("/simple/", "/pypi/"))
            assert not isinstance(target(found.path), Moved)


@pytest.mark.parametrize("length", [LONGEST, LONGEST + 1])
@pytest.mark.parametrize("form", ["/simple/{}/", "/packages/demo/{}", "/publications/1{}.json", "/pypi/demo/{}/json"])
def test_nothing_is_at_a_name_that_no_store_takes(form: str, length: int) -> None:
    part = next(one for one in form.split("/") if "{" in one)
    asked = form.format("1" * (length - len(part) + 2))
    assert (target(asked) is None) is (length > LONGEST)


@given(st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True))
def test_every_spelling_of_a_name_leads_to_its_page(name: str) -> None:
    right = f"/simple/{normalize(name)}/"
    found = target(f"/simple/{name}/")
    if name == normalize(name):
        assert found == Page(right[1:])
    elif name not in ("index.html", "index.json"):
        assert found == Moved(right)


@pytest.mark.parametrize(
    ("path", "klass"),
    [
        ("/metadata/timestamp.json", Class.POINTER),
        ("/metadata/12.page-bin-1-0f.json", Class.IMMUTABLE),
        ("/metadata/3.targets.json", Class.IMMUTABLE),
        (f"/packages/demo/{'a' * 64}.demo-1.0.tar.gz", Class.PACKAGE),
        ("/pypi/demo/1!2.0+local.1/json", Class.PAGE),
        (f"/simple/{'a' * 64}.index.json", Class.IMMUTABLE),
        ("/simple/index.html", Class.PAGE),
    ],
)
def test_classes(path: str, klass: Class) -> None:
    found = target(path)
    assert isinstance(found, Asset)
    assert found.klass is klass


def test_static_prefixes() -> None:
    assert is_static("/simple")
    assert is_static("/packages/x")
    assert not any(map(is_static, ("/", "/simplex/", "/project/demo/", "/legacy/", "/metadata")))


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "html"),
        ("*/*", "html"),
        ("text/*", "html"),
        ("application/vnd.pypi.simple.v1+json", "json"),
        ("application/vnd.pypi.simple.latest+json;q=0.2, text/html;q=0.1", "json"),
        ("TEXT/HTML; q=0.9, Application/Vnd.Pypi.Simple.V1+Json; Q=1.0", "json"),
        ("text/html;q=0, application/vnd.pypi.simple.v1+json", "json"),
        ("text/html;q=.5, application/vnd.pypi.simple.v1+json;q=.9", "json"),
        ("text/html;q=0.66667, application/vnd.pypi.simple.v1+json;q=0.33333", "html"),
        ("text/html;q=1.5", "html"),
        ("text/html;q=.", "html"),
        ("text/html;q=0.", "html"),
        ("application/json", "html"),
        ("text/html;q=0", "html"),
        ("text/html;q=nonsense", "html"),
        (",,;", "html"),
        ("application/vnd.pypi.simple.v2+json", "html"),
        ("application/vnd.pypi.simple.v1+json;q=0, image/png", "html"),
    ],
)
def test_forms(accept: str, form: str) -> None:
    found = simple_form(accept, "")
    assert found
    assert found[0] == form
    assert simple_form(accept, "text/plain") is None, "what the address names is not there"


@given(st.text(max_size=60), st.text(max_size=60))
def test_negotiation_never_fails(accept: str, coding: str) -> None:
    assert simple_form(accept, coding) is None or simple_form(accept, coding) in {
        ("json", "application/vnd.pypi.simple.v1+json"),
        ("html", "application/vnd.pypi.simple.v1+html"),
        ("html", "text/html"),
    }
    assert set(codings(coding)) <= {"zst", "gz"}


TAG = '"abc"'
DAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
DATE = format_datetime(datetime(2026, 1, 5, tzinfo=UTC), usegmt=True)
LATER = format_datetime(datetime(2026, 1, 6, tzinfo=UTC), usegmt=True)
EARLIER = format_datetime(datetime(2026, 1, 4, tzinfo=UTC), usegmt=True)


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        (Conditions(), 200, None),
        (Conditions(if_none_match=TAG), 304, None),
        (Conditions(if_none_match='W/"abc"'), 304, None),
        (Conditions(if_none_match='"x", "abc"'), 304, None),
        (Conditions(if_none_match="*"), 304, None),
        (Conditions(if_none_match='"abcd"'), 200, None),
        (Conditions(if_none_match="abc"), 200, None),
        (Conditions(if_none_match='"x"', if_modified_since=LATER), 200, None),
        (Conditions(if_modified_since=DATE), 304, None),
        (Conditions(if_modified_since=EARLIER), 200, None),
        (Conditions(if_modified_since="yesterday"), 200, None),
        (Conditions(if_match='W/"abc"'), 412, None),
        (Conditions(if_match="*"), 200, None),
        (Conditions(if_unmodified_since=EARLIER), 412, None),
        (Conditions(if_unmodified_since=DATE), 200, None),
        (Conditions(if_unmodified_since=LATER), 200, None),
        (Conditions(if_unmodified_since="yesterday"), 200, None),
        (Conditions(if_unmodified_since=EARLIER, if_match=TAG), 200, None),
        (Conditions(if_unmodified_since=EARLIER, range="bytes=0-1"), 412, None),
        (Conditions(if_unmodified_since=DATE, range="bytes=0-1"), 206, Span(0, 2)),
        (Conditions(range="bytes=0-0"), 206, Span(0, 1)),
        (Conditions(range="BYTES=2-3"), 206, Span(2, 2)),
        (Conditions(range="bytes=9-"), 206, Span(9, 1)),
        (Conditions(range="bytes=10-"), 416, None),
        (Conditions(range="bytes=-0"), 416, None),
        (Conditions(range="bytes=-99"), 206, Span(0, 10)),
        (Conditions(range="bytes=0-1", if_none_match=TAG), 304, None),
        (Conditions(range="bytes=0-1", if_range='W/"abc"'), 200, None),
        (Conditions(range="bytes=0-1", if_range=DATE), 206, Span(0, 2)),
        (Conditions(range="bytes=0-1", if_range=LATER), 200, None),
        (Conditions(range="bytes=" + "9" * 90 + "-"), 200, None),
    ],
)
def test_conditions(asked: Conditions, status: int, span: Span | None) -> None:
    found = outcome(asked, tag=TAG, modified=DAY, size=10)
    assert (found.status, found.span) == (status, span)


@given(st.builds(Conditions, *[st.text(max_size=30)] * 6), st.integers(0, 1000))
def test_conditions_never_fail_and_spans_lie_within(asked: Conditions, size: int) -> None:
    found = outcome(asked, tag=TAG, modified=DAY, size=size)
    assert found.status in (200, 206, 304, 412, 416)
    if found.span is not None:
        assert 0 <= found.span.offset < found.span.offset + found.span.count <= size


def test_nothing_private_is_public() -> None:
    for klass in Class:
        for times in (Times(), Times(purged=True)):
            assert cache_control(klass, times, private=True) == "private, no-store"


TRUSTED = networks(("10.0.0.0/8", "2001:db8::/32"))


@pytest.mark.parametrize(
    ("address", "forwarded", "client"),
    [
        ("203.0.113.1", "198.51.100.1", "203.0.113.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db9::1]:4711", "2001:db9::1"),
        ("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, evil", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("", "198.51.100.1", ""),
    ],
)
def test_who_asks(address: str, forwarded: str, client: str) -> None:
    assert resolve(address, {"x-forwarded-for": forwarded}, TRUSTED).address == client


def test_scheme_and_host_of_a_trusted_proxy_only() -> None:
    headers = {"host": "inside", "x-forwarded-proto": "gopher, https", "x-forwarded-host": "a.invalid, b.invalid:8443"}
    peer = resolve("10.0.0.1", headers, TRUSTED)
    assert (peer.scheme, peer.host) == ("https", "b.invalid:8443")
    peer = resolve("203.0.113.1", headers, TRUSTED)
    assert (peer.scheme, peer.host) == ("http", "inside")
    odd = resolve("10.0.0.1", {"host": "inside", "x-forwarded-proto": "gopher", "x-forwarded-host": "a/b"}, TRUSTED)
    assert (odd.scheme, odd.host) == ("http", "inside")


def test_hosts_and_networks() -> None:
    assert all(map(is_host, ("a", "a.b-c:80", "a.invalid.", "a_b:1", "[::1]:80", "127.0.0.1")))
    assert not any(map(is_host, ("", "a b", "a/b", "a@b", "-a", "a:b", "[::1", "a" * 256, "a\n")))
    assert is_in("10.2.3.4", TRUSTED)
    assert not is_in("nonsense", TRUSTED)


def test_headers_are_folded() -> None:
    pairs = [("Cookie", "a=1"), ("cookie", "b=2"), ("Accept", "x"), ("accept", "y"), ("X_Evil", "1")]
    assert fold(pairs) == {"cookie": "a=1; b=2", "accept": "x,y"}


@given(st.binary(max_size=40))
def test_native_strings_keep_every_byte(raw: bytes) -> None:
    assert native(raw.decode("utf-8", "surrogateescape")).encode("latin-1") == raw


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [("/a%00", "", "NUL"), ("/%ff", "", "UTF-8"), ("/", "a=%80", "UTF-8"), ("/é", "a=é", "")],
)
def test_faulty_addresses(path: str, query: str, words: str) -> None:
    assert words in fault_of(path, query)
    assert bool(fault_of(path, query)) == bool(words)


def test_memory_is_bounded_and_checked(tmp_path: Path) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    source = FolderSource(tmp_path, lambda: later, cache_bytes=1000, cache_item=400)
    for number in range(10):
        (tmp_path / str(number)).write_bytes(b"%d" % number * 300)
        assert source.find(str(number)) is source.find(str(number))
    assert len(source._held) == 3
    assert source._bytes == 900
    (tmp_path / "9").write_bytes(b"x" * 300)
    os.utime(tmp_path / "9", ns=(1, 1))
    found = source.find("9")
    assert found is not None
    assert found.data == b"x" * 300
    (tmp_path / "9").unlink()
    assert source.find("9") is None
    assert source._bytes == 600
    (tmp_path / "big").write_bytes(b"x" * 401)
    big = source.find("big")
    assert big is not None
    assert big.data is None
    (tmp_path / "folder").mkdir()
    assert source.find("folder") is None
    assert source.find("9/below") is None


def test_what_has_just_changed_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"x")
    changed = datetime.fromtimestamp((tmp_path / "new").stat().st_ctime, UTC)  # no clock, which goes on meanwhile
    source = FolderSource(tmp_path, lambda: changed, cache_bytes=1000, cache_item=400)
    assert source.find("new") is not source.find("new")
