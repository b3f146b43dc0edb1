"""What proves an identity, and every way in which one does not: each with its code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from bonded.accounts.oidc import Identity, TrustedPublishing, prove
from bonded.values.refusals import Refusal
from tests.publishing.service import AUDIENCE, EC, ED, RSA, WEAK, Service

SECOND = timedelta(seconds=1)


def proven(service: Service, text: str, now: datetime, **more: Any) -> Identity:
    return prove(service.trusted(**more), text, now)


def code(service: Service, text: str, now: datetime, **more: Any) -> str:
    with pytest.raises(Refusal) as caught:
        proven(service, text, now, **more)
    assert text == "" or text not in caught.value.sentence
    return caught.value.code


def parts(*values: object) -> str:
    """A token of these header and claims, without a signature."""
    raw = [json.dumps(value).encode() for value in values]
    return ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in raw)


@pytest.mark.parametrize(
    ("key", "kid", "algorithm"),
    [(RSA, "rsa", "RS256"), (EC, "ec", "ES256"), (ED, "ed", "EdDSA")],
    ids=["RSA", "EC", "Ed25519"],
)
def test_a_genuine_identity(service: Service, now: datetime, key: Any, kid: str, algorithm: str) -> None:
    found = proven(service, service.identity(now, key=key, kid=kid, algorithm=algorithm, jti="one"), now)
    assert found.claims["repository"] == "octo/tool"
    assert found.id == "jti:one"
    assert found.issuer.url == service.url
    assert found.forget_at > now + timedelta(minutes=5) + 2 * timedelta(seconds=30), "later than any clock takes it"


def test_clocks_may_differ_by_thirty_seconds_and_no_more(service: Service, now: datetime) -> None:
    text = service.identity(now)  # good for five minutes
    ends = now + timedelta(minutes=5)
    assert proven(service, text, ends + 29 * SECOND)
    assert code(service, text, ends + 30 * SECOND) == "identity-time"
    assert proven(service, text, now - 30 * SECOND)
    assert code(service, text, now - 31 * SECOND) == "identity-time"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"exp": None}, "identity-time"),
        ({"iat": None}, "identity-time"),
        ({"nbf": 32_503_680_000}, "identity-time"),
        ({"exp": 32_503_680_000}, "identity-time"),
        ({"exp": "soon"}, "identity-unreadable"),
        ({"exp": True}, "identity-unreadable"),
        ({"exp": 1e300}, "identity-unreadable"),
        ({"aud": None}, "identity-audience"),
        ({"aud": "other.example.invalid"}, "identity-audience"),
        ({"aud": [AUDIENCE, "other.example.invalid"]}, "identity-audience"),
        ({"aud": []}, "identity-audience"),
        ({"aud": AUDIENCE.upper()}, "identity-audience"),
        ({"iss": None}, "issuer-unknown"),
        ({"iss": "https://elsewhere.example.invalid"}, "issuer-unknown"),
        ({"iss": 7}, "issuer-unknown"),
    ],
)
def test_claims_that_do_not_do(service: Service, now: datetime, changed: dict[str, Any], expected: str) -> None:
    assert code(service, service.identity(now, **changed), now) == expected


def test_one_audience_in_a_list_is_one(service: Service, now: datetime) -> None:
    assert proven(service, service.identity(now, aud=[AUDIENCE]), now)


def test_an_index_without_an_audience_takes_nothing(service: Service, now: datetime) -> None:
    assert code(service, service.identity(now, aud=""), now, audience="") == "identity-audience"


def test_without_services_nothing_is_believed(service: Service, now: datetime) -> None:
    with pytest.raises(Refusal) as caught:
        prove(TrustedPublishing(), service.identity(now), now)
    assert caught.value.code == "issuer-unknown"


def test_keys_of_one_service_prove_nothing_about_another(service: Service, now: datetime) -> None:
    """The issuer chooses the keys, so a service cannot speak for another one."""
    from dataclasses import replace

    other = replace(service.trusted().issuers[0], url="https://other.example.invalid")
    asked: list[str] = []

    def key_of(issuer: str, kid: str, at: datetime) -> Any:
        asked.append(issuer)
        raise Refusal("issuer-away", "away")

    both = replace(service.trusted(), issuers=(service.trusted().issuers[0], other), key_of=key_of)
    with pytest.raises(Refusal):
        prove(both, service.identity(now, iss=other.url), now)
    assert asked == [other.url]


def test_none_and_shared_secrets_are_no_signatures(service: Service, now: datetime) -> None:
    claims = service.claims(now)
    for name, signature in (("none", ""), ("None", ""), ("nOnE", "eA"), ("", "eA"), (None, "eA")):
        text = parts({"alg": name, "kid": "rsa"}, claims) + f".{signature}"
        assert code(service, text, now) in ("identity-forged", "identity-unreadable")
    # The public key, which everybody has, taken as a shared secret (RFC 8725, 2.1).
    secret = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for algorithm, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
        body = parts({"alg": algorithm, "kid": "rsa"}, claims)
        mac = base64.urlsafe_b64encode(hmac.new(secret, body.encode(), digest).digest()).rstrip(b"=").decode()
        assert code(service, f"{body}.{mac}", now) == "identity-forged"


def test_the_key_says_which_algorithm_it_is_for(service: Service, now: datetime) -> None:
    assert code(service, service.identity(now, algorithm="RS512"), now) == "identity-forged", "listed for RS256"
    assert code(service, service.identity(now, key=EC, kid="rsa", algorithm="ES256"), now) == "identity-forged"
    assert code(service, service.identity(now, kid="ec"), now) == "identity-forged"


def test_weak_foreign_and_unknown_keys(service: Service, now: datetime) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    body = parts({"alg": "RS256", "kid": "weak"}, service.claims(now))
    signature = base64.urlsafe_b64encode(WEAK.sign(body.encode(), PKCS1v15(), SHA256())).rstrip(b"=").decode()
    assert code(service, f"{body}.{signature}", now) == "identity-forged", "1,024 bits"
    foreign = rsa.generate_private_key(65537, 2048)
    assert code(service, service.identity(now, key=foreign), now) == "identity-forged"
    assert code(service, service.identity(now, kid="unknown"), now) == "identity-forged"
    assert code(service, service.identity(now, kid=None), now) == "identity-forged", "which of several is not said"


def test_keys_that_the_identity_brings_along_are_not_used(service: Service, now: datetime) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from tests.publishing.service import public

    own = rsa.generate_private_key(65537, 2048)
    for extra in ({"jwk": public(own, "rsa")}, {"jku": f"{service.url}/mine"}, {"x5u": f"{service.url}/mine"}):
        text = jwt.encode(service.claims(now), own, algorithm="RS256", headers={"kid": "rsa"} | extra)
        assert code(service, text, now) == "identity-forged"
    assert "/mine" not in service.asked


def test_headers_that_must_be_understood_are_refused(service: Service, now: datetime) -> None:
    text = jwt.encode(service.claims(now), RSA, algorithm="RS256", headers={"kid": "rsa", "crit": ["x"], "x": 1})
    assert code(service, text, now) == "identity-unreadable"
    text = jwt.encode(service.claims(now), RSA, algorithm="RS256", headers={"kid": "rsa"})
    head, claims, signature = text.split(".")
    assert code(service, f"{head}.{claims}.{signature[:-4]}AAAA", now) == "identity-forged"
    assert code(service, f"{head}.{claims}", now) == "identity-unreadable"


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", "..", "e30.e30.", "é.é.é", "x" * 20_000, "\x00.\x00.\x00", "bonded-x"]
)
def test_text_that_is_no_identity(service: Service, now: datetime, text: str) -> None:
    assert code(service, text, now) in ("identity-unreadable", "issuer-unknown")


@given(text=st.text(max_size=200))
def test_whatever_text_comes_it_is_refused_in_words(text: str) -> None:
    with pytest.raises(Refusal):
        prove(TrustedPublishing(audience=AUDIENCE), text, datetime.fromisoformat("2026-01-05T12:00:00+00:00"))


def test_without_a_jti_what_was_signed_is_the_number(service: Service, now: datetime) -> None:
    """Writing the signature in another way makes no second identity."""
    text = service.identity(now, key=EC, kid="ec", algorithm="ES256", jti=None)
    first = proven(service, text, now).id
    head, claims, signature = text.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    turned = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    other = f"{head}.{claims}.{base64.urlsafe_b64encode(turned).rstrip(b'=').decode()}"
    assert other != text
    assert proven(service, other, now).id == first, "the same identity under another signature that is good too"
    assert proven(service, service.identity(now, jti=None, sub="another"), now).id != first
