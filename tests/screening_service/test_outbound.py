"""Addresses that people give us: odd spellings, private networks, names that change their mind."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonded.screening.outbound import Rules, Target, Unreachable, ask, is_public, parse
from bonded.values.refusals import Refusal
from tests.screening_service.conftest import Receiving

ANY = Rules(None)


@pytest.mark.parametrize(
    "url",
    [
        "http://0x7f000001/", "https://2130706433/", "https://127.1/", "https://0177.0.0.1/", "https://127.0.0.1./",
        "https://[::ffff:127.0.0.1%25eth0]/", "https://user@host.example/", "https://a:b@host.example/", "https:///x",
        "https://host.example\\@other.example/", "https://host.example/#x", "gopher://host.example/", "https://ho st/",
        "https://①②⑦.⓪.⓪.①/", "https://host.example:99999/", "https://-x.example/", "https://a..b/", "https://host%2eexample/",
        "https://[::1", "https://0x7f.1/", "//host.example/", "https://host.example/\n", "https://" + "a." * 200 + "b/",
    ],
)  # fmt: skip
def test_what_is_not_spelled_plainly_is_refused(url: str) -> None:
    with pytest.raises(Refusal) as caught:
        ANY.check_addresses(parse(url), ["203.0.113.1"])
    assert caught.value.code == "address-refused"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:10.0.0.1",
        "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::1", "2001:db8::1", "x", "fec0::1",
    ],
)  # fmt: skip
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)
    target = parse("https://host.example/")
    with pytest.raises(Refusal):
        ANY.check_addresses(target, ["93.184.215.14", address])  # one of several is enough


def test_ordinary_addresses_are_public() -> None:
    assert all(map(is_public, ("93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c")))


@given(st.ip_addresses())
def test_only_global_addresses_are_public(address: object) -> None:
    assert not is_public(str(address)) or address.is_global  # type: ignore[attr-defined]


def test_entries_of_the_list() -> None:
    rules = Rules(("files.example.org", "*.cdn.example", "other.example:8443"))
    for url in (
        "https://files.example.org/x",
        "https://FILES.example.org/x",
        "https://a.cdn.example/",
        "https://other.example:8443/",
    ):
        rules.check(parse(url))
    for url in (
        "https://files.example.org:8443/", "https://cdn.example/", "https://xcdn.example/", "https://other.example/",
        "https://files.example.org.evil.example/", "http://files.example.org/", "https://evil.example/files.example.org",
    ):  # fmt: skip
        with pytest.raises(Refusal):
            rules.check(parse(url))


def test_a_name_is_resolved_once_and_that_address_is_spoken_to(receiving: Receiving) -> None:
    """Rebinding: the name answers with an allowed address first, and with another one whenever it is asked again."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.99"]

    receiving.answers["/"] = (200, {}, b"yes")
    entry = (f"host.example:{receiving.port}",)
    rules, target = Rules(entry, entry), Target("http", "host.example", receiving.port, "/")
    assert ask("GET", target, rules, timeout=60, headers={}, resolve=resolve).body == b"yes"
    assert asked == ["host.example"]


def test_a_public_name_of_a_private_address_is_refused(receiving: Receiving) -> None:
    target = Target("https", "host.example", receiving.port, "/")
    with pytest.raises(Refusal):
        ask("GET", target, ANY, timeout=5, headers={}, resolve=lambda *_: ["127.0.0.1"])
    assert receiving.asked == []


def test_a_drip_of_bytes_ends_with_the_time(receiving: Receiving) -> None:
    receiving.answers["/"] = (200, {"Content-Length": "10"}, b"")
    entry = (f"127.0.0.1:{receiving.port}",)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        ask("GET", parse(receiving.url()), Rules(entry, entry), timeout=0.5, headers={})
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
        (b"HTTP/1.1 200", b"0"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
    ],
)
def test_no_way_of_saying_little_for_long_gets_more_than_the_time(first: bytes, again: bytes) -> None:
    with dripping(first, again) as port:
        rules, target = Rules(None, (f"127.0.0.1:{port}",)), parse(f"http://127.0.0.1:{port}/")
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"^127.0.0.1 does not answer: TimeoutError$"):
            ask("GET", target, rules, timeout=0.6, headers={})
        assert time.monotonic() - began < 10


def test_a_body_that_is_taken_in_drips_gets_no_more_than_the_time() -> None:
    with dripping(b"", b"", reads=4096) as port:
        rules, target = Rules(None, (f"127.0.0.1:{port}",)), parse(f"http://127.0.0.1:{port}/")
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"^127.0.0.1 does not answer: TimeoutError$"):
            ask("POST", target, rules, timeout=0.6, headers={}, body=b"x" * 32 * 2**20)
        assert time.monotonic() - began < 10


@contextmanager
def dripping(first: bytes, again: bytes, reads: int = 65_536) -> Iterator[int]:
    """The port of a server that says `first` and then `again` (or reads a little) every tenth of a second, until it is left."""
    over = threading.Event()

    def serve() -> None:
        peer, _ = listening.accept()
        with peer, suppress(OSError):
            peer.recv(reads)
            peer.sendall(first)
            while not over.wait(0.1):
                peer.sendall(again) if again else peer.recv(reads)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            over.set()
            thread.join(15)
