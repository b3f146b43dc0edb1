"""Identities of builds: reading and proving what a build service signed (OpenID Connect Core 1.0, RFC 7519, RFC 8725). No I/O.

What is in an identity counts only once it is proven: signed, by an algorithm of public keys that fits the key, with a key of the very
issuer that it names and that the operator configured; meant for this index alone; and of this moment, with 30 seconds for clocks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.types import Options

from bonded.accounts.oidc_shapes import Shape
from bonded.values.refusals import Refusal, define

ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""Kind of key -> algorithms. No shared secrets, and never none: neither can prove who signed."""
_SIGNATURE_ONLY: Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
"""Everything else is checked here, against the time that is given, with a reason each."""
LEEWAY = timedelta(seconds=30)
LONGEST = timedelta(days=31)
MAX_LENGTH = 16_384
LEAST_RSA_BITS = 2048

IDENTITY_UNREADABLE = define(
    "identity-unreadable",
    422,
    "The identity of the build cannot be read",
    'Send {"token": "..."} with the identity token that the build service gave, whole and unchanged. Upload tools do this by themselves.',
)
ISSUER_UNKNOWN = define(
    "issuer-unknown",
    422,
    "The build service is not known here",
    "The identity is of a build service that the operator of this index has not configured (settings: publishing.issuers).",
)
IDENTITY_FORGED = define(
    "identity-forged",
    422,
    "The identity of the build is not genuine",
    "The signature does not fit the keys of the build service, or it is made by a method that proves nothing.",
)
IDENTITY_AUDIENCE = define(
    "identity-audience",
    422,
    "The identity of the build is for somebody else",
    "An identity names whom it is for, and this one does not name this index alone. Ask the build service for one with the audience that "
    "/_/oidc/audience of this index says.",
)
IDENTITY_TIME = define(
    "identity-time",
    422,
    "The identity of the build has expired, or is not valid yet",
    "Identities are good for a short time. Ask the build service for a new one right before uploading; where this stays, a clock is off.",
)
IDENTITY_USED = define(
    "identity-used",
    409,
    "The identity of the build was used already",
    "Each identity is exchanged for a token once. Ask the build service for a new one. If your build asked only once, somebody else had its "
    "identity first: look at the history of the project.",
)


@dataclass(frozen=True, slots=True)
class Issuer:
    """A build service that the operator trusts to say what was built. `url` is exactly what `iss` says."""

    url: str
    title: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Identity:
    """A proven identity. `id` is different for each that was ever signed; after `forget_at` no clock takes it any more."""

    issuer: Issuer
    claims: Mapping[str, Any]
    id: str
    forget_at: datetime


KeyOf = Callable[[str, str, datetime], Mapping[str, Any]]
"""Issuer, key id ("" where an identity names none), now -> the public key as a JWK. Raises Refusal."""


def _no_keys(_issuer: str, _kid: str, _now: datetime) -> Mapping[str, Any]:
    raise Refusal(ISSUER_UNKNOWN, "no build service is configured on this index")


@dataclass(frozen=True, slots=True)
class TrustedPublishing:
    """What the operator configured. Without issuers it is off. `audience` is what identities must be for."""

    audience: str = ""
    issuers: tuple[Issuer, ...] = ()
    pending_for: timedelta = timedelta(days=30)
    key_of: KeyOf = field(default=_no_keys)

    def issuer(self, url: str) -> Issuer | None:
        return next((one for one in self.issuers if one.url == url), None)


def prove(publishing: TrustedPublishing, text: str, now: datetime) -> Identity:
    """The identity in `text`. Raises Refusal (identity-unreadable, -forged, -audience, -time, issuer-unknown, issuer-away)."""
    header, claims = _peek(text)
    said = claims.get("iss")
    issuer = publishing.issuer(said) if isinstance(said, str) else None
    if issuer is None:
        raise Refusal(ISSUER_UNKNOWN, "the identity is of a build service that is not configured on this index")
    kid = header.get("kid", "")
    if not isinstance(kid, str) or "crit" in header:
        raise Refusal(IDENTITY_UNREADABLE, "the header of the identity is not understood")
    proven = _verified(text, header, publishing.key_of(issuer.url, kid, now))
    _check_audience(proven, publishing.audience)
    forget_at = _check_time(proven, now)
    if proven.get("iss") != issuer.url:
        raise Refusal(IDENTITY_FORGED, "the identity names two issuers")
    return Identity(issuer, proven, _id(proven, text), forget_at)


def _peek(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, unproven: only to find out whose key is to prove them."""
    try:
        if len(text) > MAX_LENGTH or not text.isascii():
            raise ValueError
        header = jwt.get_unverified_header(text)
        claims = jwt.decode(text, options={"verify_signature": False})
    except Exception:  # the library raises many kinds for hostile text; none of it may be repeated
        raise Refusal(IDENTITY_UNREADABLE, "the identity is not a signed JSON web token") from None
    return header, claims


def _verified(text: str, header: Mapping[str, Any], key: Mapping[str, Any]) -> dict[str, Any]:
    """The claims, signed with `key`. The key says which algorithms can be, never the identity alone (RFC 8725, 3.1)."""
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS.get(str(key.get("kty")), ()) or key.get("alg", algorithm) != algorithm:
        raise Refusal(
            IDENTITY_FORGED, "the identity is signed by a method that does not fit the key of the build service"
        )
    try:
        public = jwt.PyJWK({name: value for name, value in key.items() if name != "d"}, algorithm=algorithm).key
        if isinstance(public, RSAPublicKey) and public.key_size < LEAST_RSA_BITS:
            raise ValueError
        return dict(jwt.decode(text, key=public, algorithms=[str(algorithm)], options=_SIGNATURE_ONLY))
    except Exception:  # of any kind: what is not proven is refused
        raise Refusal(IDENTITY_FORGED, "the signature of the identity is not that of the build service") from None


def _check_audience(claims: Mapping[str, Any], audience: str) -> None:
    """For this index alone: an identity for several could be used by another of them."""
    said = claims.get("aud")
    if not audience or said not in (audience, [audience]):
        raise Refusal(IDENTITY_AUDIENCE, f"the identity is not for the audience {audience} alone")


def _check_time(claims: Mapping[str, Any], now: datetime) -> datetime:
    """Good now, give or take the leeway. Returns when no clock takes it any more."""
    issued, ends, begins = (_moment(claims, name) for name in ("iat", "exp", "nbf"))
    if issued is None or ends is None:
        raise Refusal(IDENTITY_TIME, "the identity does not say from when until when it is good")
    if ends + LEEWAY <= now:
        raise Refusal(IDENTITY_TIME, "the identity of the build has expired")
    if max(issued, begins or issued) - LEEWAY > now:
        raise Refusal(IDENTITY_TIME, "the identity of the build is not valid yet: a clock is off")
    if ends - issued > LONGEST:
        raise Refusal(IDENTITY_TIME, "the identity of the build is good for too long")
    return ends + 2 * LEEWAY + timedelta(hours=1)


def _moment(claims: Mapping[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    try:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise Refusal(IDENTITY_UNREADABLE, f"the claim {name} of the identity is not a moment") from None


def _id(claims: Mapping[str, Any], text: str) -> str:
    """`jti`, or, where an issuer gives none, a hash of what was signed: the signature itself can be written in several ways."""
    said = claims.get("jti")
    if isinstance(said, str) and 0 < len(said) <= 500:
        return f"jti:{said}"
    return "sha256:" + hashlib.sha256(text.rpartition(".")[0].encode()).hexdigest()
