"""Security devices and passkeys (WebAuthn level 3): options for the browser, and verifying what it answers, by py_webauthn.

Each page has a challenge of its own (`accounts.challenges`), good for one answer. Attestation is not asked for: any device will do,
and its make is nobody's business.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
from sqlalchemy import Connection, select, update

from bonded.accounts.factors import Factor, Kind, one
from bonded.accounts.people import User
from bonded.accounts.tables import factor
from bonded.db.engine import Tx
from bonded.values.refusals import Refusal, define

TIMEOUT_MS = 120_000
_MOST = 32_768

DEVICE_FAILED = define(
    "device-failed",
    403,
    "The security device was not accepted",
    "The answer of the device could not be verified: it is not registered for this account, it was meant for another address, or it "
    "came too late. Try again, or take another way.",
)
DEVICE_COPIED = define(
    "device-copied",
    403,
    "The security device may have been copied",
    "The device's own counter went back, as it does when a copy of it exists. Sign in another way and remove it from your account.",
)


@dataclass(frozen=True, slots=True)
class Site:
    """Where devices are registered: `rp_id` is the host of the public address, `origin` what browsers call it."""

    name: str
    url: str

    @property
    def rp_id(self) -> str:
        return urlsplit(self.url).hostname or "localhost"

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def registration(conn: Connection, site: Site, user: User, challenge: bytes) -> str:
    """Options for `navigator.credentials.create`, as JSON. A passkey is preferred; an older key does as well."""
    from webauthn import generate_registration_options, options_to_json  # 0.14 s: where it is needed only
    from webauthn.helpers import structs

    options = generate_registration_options(
        rp_id=site.rp_id,
        rp_name=site.name,
        user_name=user.name,
        user_id=user.id.encode(),
        user_display_name=user.name,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.PREFERRED,
            user_verification=structs.UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one) for one in _credentials(conn, user.id)],
    )
    return options_to_json(options)


def registered(site: Site, challenge: str, answer: str) -> dict[str, Any]:
    """The row of a new device, from what the browser answered. Raises Refusal (device-failed)."""
    from webauthn import verify_registration_response
    from webauthn.helpers.exceptions import WebAuthnException

    raw = _answer(answer)
    try:
        done = verify_registration_response(
            credential=raw,
            expected_challenge=_bytes(challenge),
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise _failed() from None
    return {
        "credential": done.credential_id,
        "public_key": done.credential_public_key,
        "sign_count": done.sign_count,
        "transports": _transports(raw),
        "passkey": done.user_verified and _resident(raw),
        "backed_up": done.credential_backed_up,
    }


def authentication(site: Site, credentials: Iterable[bytes], challenge: bytes) -> str:
    """Options for `navigator.credentials.get`, as JSON. Without credentials any passkey will do, which must verify its holder."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers import structs

    need, named = structs.UserVerificationRequirement, list(credentials)
    options = generate_authentication_options(
        rp_id=site.rp_id,
        timeout=TIMEOUT_MS,
        challenge=challenge,
        allow_credentials=[structs.PublicKeyCredentialDescriptor(id=one) for one in named],
        user_verification=need.DISCOURAGED if named else need.REQUIRED,
    )
    return options_to_json(options)


def authenticated(tx: Tx, site: Site, challenge: str, answer: str, *, user_id: str | None, now: datetime) -> Factor:
    """The device that answered, its counter noted. Raises Refusal (device-failed, device-copied).

    With `user_id` the device must be that person's; without, it is a passkey: it says whose it is, and the device must
    have verified who holds it. `challenge` is one that `accounts.challenges` took.
    """
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    raw = _answer(answer)
    row = _row(tx, raw)
    if row is None or (user_id is not None and row.user_id != user_id) or (user_id is None and not row.passkey):
        raise _failed()
    try:
        done = verify_authentication_response(
            credential=raw,
            expected_challenge=_bytes(challenge),
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=bytes(row.public_key),
            credential_current_sign_count=0,  # compared below, where it can be told apart
            require_user_verification=user_id is None,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise _failed() from None
    if (done.new_sign_count or row.sign_count) and done.new_sign_count <= row.sign_count:
        raise Refusal(DEVICE_COPIED, "the counter of this device went back: it may have been copied")
    _note(tx, row, done.new_sign_count, done.credential_backed_up, now)
    return one(tx, str(row.user_id), str(row.id))


def credentials_of(conn: Connection, user_id: str) -> list[bytes]:
    """Ids of the person's registered credentials."""
    return _credentials(conn, user_id)


def _note(tx: Tx, row: Any, sign_count: int, backed_up: bool, now: datetime) -> None:
    mine = (factor.c.id == row.id) & (factor.c.sign_count == row.sign_count)
    values = {"sign_count": sign_count, "backed_up": backed_up, "used_at": now}
    if tx.execute(update(factor).where(mine).values(values)).rowcount != 1:
        raise _failed()  # the same answer in another request, a moment ago


def _row(conn: Connection, raw: dict[str, Any]) -> Any:
    try:
        credential = _bytes(str(raw.get("rawId", "")))
    except ValueError:
        return None
    mine = (factor.c.credential == credential) & (factor.c.kind == Kind.DEVICE)
    return conn.execute(select(factor).where(mine)).one_or_none()


def _credentials(conn: Connection, user_id: str) -> list[bytes]:
    mine = (factor.c.user_id == user_id) & (factor.c.kind == Kind.DEVICE)
    return [
        bytes(row.credential) for row in conn.execute(select(factor.c.credential).where(mine).order_by(factor.c.id))
    ]


def _answer(text: str) -> dict[str, Any]:
    if len(text) > _MOST:
        raise _failed()
    try:
        raw = orjson.loads(text)
    except ValueError:
        raise _failed() from None
    if not isinstance(raw, dict):
        raise _failed()
    return raw


def _resident(raw: dict[str, Any]) -> bool:
    """Whether the device keeps the credential itself, so that it needs no user name (credProps, WebAuthn 10.1.3)."""
    extensions = raw.get("clientExtensionResults")
    known = extensions.get("credProps") if isinstance(extensions, dict) else None
    return isinstance(known, dict) and known.get("rk") is True


def _transports(raw: dict[str, Any]) -> list[str]:
    response = raw.get("response")
    named = response.get("transports") if isinstance(response, dict) else None
    return [str(one)[:20] for one in named[:8]] if isinstance(named, list) else []


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _failed() -> Refusal:
    return Refusal(DEVICE_FAILED, "the security device was not accepted")
