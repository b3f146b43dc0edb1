"""The public keys of build services (OpenID Connect Discovery 1.0): fetched when needed, kept for an hour, bounded in every way.

An identity with an unknown key makes us ask at most once a minute, however many come. When a service is away, keys that are known stay
good for a day. Where the addresses of a service may lead is for the `fetch` that is given: nothing here opens a connection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from bonded.accounts.oidc import IDENTITY_FORGED
from bonded.values.refusals import Refusal, define

FRESH = timedelta(hours=1)
AGAIN = timedelta(minutes=1)
USABLE = timedelta(days=1)
MOST_KEYS = 100
MOST_BYTES = 262_144
WELL_KNOWN = "/.well-known/openid-configuration"

ISSUER_AWAY = define(
    "issuer-away",
    503,
    "The build service does not answer",
    "The keys of the build service could not be fetched, so that its identities cannot be proven. Try again in a minute; the operator finds "
    "the cause in the log.",
)
Fetch = Callable[[str], bytes]
"""Address -> what is there. Raises Away for everything that keeps us from it."""

log = structlog.get_logger("bonded.publishing")


class Away(Exception):
    """A document cannot be had. The message is one sentence."""


@dataclass
class _Known:
    """The keys of one issuer. `asked_at` is when they were asked for last, in vain or not."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    fetched_at: datetime | None = None
    asked_at: datetime | None = None


class IssuerKeys:
    """Keys by issuer and key id. One for each process; safe for many threads: of those that find a key missing, one asks."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._issuers: dict[str, _Known] = {}

    def key_of(self, issuer: str, kid: str, now: datetime) -> Mapping[str, Any]:
        """The public key. Raises Refusal (identity-forged for a key that the issuer does not have, issuer-away).

        Only issuers that the operator configured may be asked for: that bounds what is kept.
        """
        with self._lock:
            known = self._issuers.setdefault(issuer, _Known())
        with known.lock:
            if self._wants(known, kid, now):
                self._ask(known, issuer, now)
            if known.fetched_at is None or abs(now - known.fetched_at) > USABLE:  # or by a clock that was ahead
                raise Refusal(ISSUER_AWAY, "the keys of the build service cannot be fetched", retry_after=60)
            found = _pick(known.keys, kid)
        if found is None:
            raise Refusal(IDENTITY_FORGED, "the build service has no key of the name that the identity gives")
        return found

    def _wants(self, known: _Known, kid: str, now: datetime) -> bool:
        if known.asked_at is not None and timedelta(0) <= now - known.asked_at < AGAIN:
            return False
        return known.fetched_at is None or abs(now - known.fetched_at) >= FRESH or _pick(known.keys, kid) is None

    def _ask(self, known: _Known, issuer: str, now: datetime) -> None:
        known.asked_at = now
        try:
            known.keys = keys_in(self._fetch(jwks_address(self._fetch(issuer.rstrip("/") + WELL_KNOWN), issuer)))
            known.fetched_at = now
        except Away as error:
            log.warning("the keys of a build service could not be fetched", issuer=issuer, why=str(error))


def jwks_address(document: bytes, issuer: str) -> str:
    """Where the keys are. Raises Away for what is not the configuration of this issuer (Discovery 1.0, section 4.3)."""
    said = _object(document)
    if said.get("issuer") != issuer:
        raise Away("its configuration names another issuer")
    address = said.get("jwks_uri")
    if not isinstance(address, str):
        raise Away("its configuration names no keys")
    return address


def keys_in(document: bytes) -> dict[str, Mapping[str, Any]]:
    """The public keys for signatures, by id (RFC 7517). Raises Away for none. Shared secrets are no keys here."""
    listed = _object(document).get("keys")
    found: dict[str, Mapping[str, Any]] = {}
    for key in listed[:MOST_KEYS] if isinstance(listed, list) else ():
        if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig":
            kid = key.get("kid", "")
            found.setdefault(kid if isinstance(kid, str) else "", key)
    if not found:
        raise Away("it lists no keys")
    return found


def _pick(keys: Mapping[str, Mapping[str, Any]], kid: str) -> Mapping[str, Any] | None:
    """By its id; where an identity names none, the one key that there is."""
    if kid:
        return keys.get(kid)
    return next(iter(keys.values())) if len(keys) == 1 else None


def _object(document: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(document) if len(document) <= MOST_BYTES else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Away("it answers no JSON object")
    return value
