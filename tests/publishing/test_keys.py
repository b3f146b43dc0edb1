"""Keys of build services: asked for rarely, kept within bounds, and never fetched from where they may not be."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from bonded.accounts.oidc_keys import Away, IssuerKeys, jwks_address, keys_in
from bonded.values.refusals import Refusal
from bonded.web.api.oidc_documents import fetcher
from tests.publishing.service import KEYS, RSA, Service, public

MINUTE = timedelta(minutes=1)
CONFIGURATION = "/.well-known/openid-configuration"


def keys(service: Service) -> IssuerKeys:
    return IssuerKeys(fetcher((service.host,), 5.0))


def code(found: IssuerKeys, issuer: str, kid: str, now: datetime) -> str:
    with pytest.raises(Refusal) as caught:
        found.key_of(issuer, kid, now)
    return caught.value.code


def test_keys_are_kept_for_an_hour(service: Service, now: datetime) -> None:
    found = keys(service)
    for minutes in (0, 1, 59):
        assert found.key_of(service.url, "rsa", now + minutes * MINUTE)["kid"] == "rsa"
    assert service.asked == [CONFIGURATION, "/keys"]
    found.key_of(service.url, "rsa", now + 60 * MINUTE)
    assert len(service.asked) == 4


def test_keys_of_a_clock_that_was_ahead_are_asked_for_anew(service: Service, now: datetime) -> None:
    found = keys(service)
    found.key_of(service.url, "rsa", now + timedelta(days=365))
    service.list_keys([public(RSA, "new")])
    assert code(found, service.url, "rsa", now) == "identity-forged", "the build service took it back"


def test_a_new_key_is_found_at_once_and_unknown_ones_ask_once_a_minute(service: Service, now: datetime) -> None:
    found = keys(service)
    found.key_of(service.url, "rsa", now)
    service.list_keys([*KEYS, public(RSA, "new")])
    later = now + 2 * MINUTE
    assert found.key_of(service.url, "new", later)["kid"] == "new"
    asked = len(service.asked)
    for number in range(100):
        assert code(found, service.url, f"unknown-{number}", later + timedelta(seconds=59)) == "identity-forged"
    assert len(service.asked) == asked, "a flood of made-up keys asks nobody"
    assert code(found, service.url, "unknown", later + MINUTE) == "identity-forged"
    assert len(service.asked) == asked + 2


def test_fifty_at_once_ask_once(service: Service, now: datetime) -> None:
    found, barrier = keys(service), threading.Barrier(50)

    def ask(_: int) -> str:
        barrier.wait()
        return str(found.key_of(service.url, "rsa", now)["kid"])

    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(ask, range(50))) == {"rsa"}
    assert len(service.asked) == 2


def test_a_service_that_is_away(service: Service, now: datetime) -> None:
    found, before = keys(service), dict(service.answers)
    service.answers.clear()
    assert code(found, service.url, "rsa", now) == "issuer-away"
    assert code(found, service.url, "rsa", now + MINUTE / 2) == "issuer-away"
    assert len(service.asked) == 1, "not asked again within the minute"
    service.answers.update(before)
    assert found.key_of(service.url, "rsa", now + MINUTE)
    service.answers.clear()
    assert found.key_of(service.url, "rsa", now + timedelta(hours=20)), "known keys stay good for a day"
    assert code(found, service.url, "rsa", now + timedelta(hours=25)) == "issuer-away"


def test_a_key_that_is_taken_away_is_good_for_an_hour_at_most(service: Service, now: datetime) -> None:
    found = keys(service)
    found.key_of(service.url, "rsa", now)
    service.list_keys([key for key in KEYS if key["kid"] != "rsa"])
    assert found.key_of(service.url, "rsa", now + 59 * MINUTE)
    assert code(found, service.url, "rsa", now + 60 * MINUTE) == "identity-forged"


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{}", b"no", b'{"issuer": "https://other.example.invalid", "jwks_uri": "https://a.example/k"}',
     b'{"issuer": "https://ci.example", "jwks_uri": 7}', b"x" * 300_000],
)  # fmt: skip
def test_configurations_that_are_none(document: bytes) -> None:
    with pytest.raises(Away):
        jwks_address(document, "https://ci.example")


def test_what_is_a_key_and_what_is_not() -> None:
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"}
    sealing = KEYS[1] | {"use": "enc", "kid": "sealing"}
    first, again = KEYS[0], KEYS[1] | {"kid": "rsa"}
    document = {
        "keys": [secret, sealing, "x", {"kid": "none"}, first, again, *[KEYS[2] | {"kid": str(n)} for n in range(500)]]
    }
    found = keys_in(json.dumps(document).encode())
    assert "secret" not in found
    assert "sealing" not in found
    assert found["rsa"] == first, "the first of a name"
    assert len(found) < 100
    for useless in ({"keys": []}, {"keys": [secret]}, {"keys": 7}):
        with pytest.raises(Away):
            keys_in(json.dumps(useless).encode())


def test_an_identity_may_name_no_key_where_there_is_one(service: Service, now: datetime) -> None:
    service.list_keys([KEYS[0]])
    assert keys(service).key_of(service.url, "", now)["kid"] == "rsa"


def test_documents_are_fetched_only_from_where_they_may_be(service: Service) -> None:
    """The same rules as for every other address: https, public, no redirects, bounded (see screening.outbound)."""
    strict = fetcher((), 5.0)
    with pytest.raises(Away, match="https"):
        strict(service.url + "/keys")
    lured = fetcher((), 5.0, lambda _host, _port: ["169.254.169.254"])
    with pytest.raises(Away, match="private or special"):
        lured("https://metadata.example.invalid/keys")
    assert service.asked == []
    allowed = fetcher((service.host,), 5.0)
    for status, body in ((302, b"http://127.0.0.1:1/"), (500, b"{}"), (200, b"x" * 300_000)):
        service.answers["/odd"] = (status, body)
        with pytest.raises(Away):
            allowed(service.url + "/odd")
    for odd in ("file:///etc/passwd", "http://user:pw@127.0.0.1/", "gopher://127.0.0.1/", "x"):
        with pytest.raises(Away):
            allowed(odd)


def test_keys_that_a_configuration_points_inside_for_are_not_fetched(service: Service, now: datetime) -> None:
    said = {"issuer": service.url, "jwks_uri": "http://169.254.169.254/latest/meta-data"}
    service.answers[CONFIGURATION] = (200, json.dumps(said).encode())
    assert code(keys(service), service.url, "rsa", now) == "issuer-away"
    assert service.asked == [CONFIGURATION]
