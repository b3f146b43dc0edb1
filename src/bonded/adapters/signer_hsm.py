"""Online keys in a token that speaks PKCS#11: an HSM, a smart card, SoftHSM2. URI `hsm:KEYID?label=TOKEN`.

The key never leaves the token. One session stays open and logged in: logging in for every signature would cost more than
the signature. A session that broke (the token was pulled out, the HSM restarted) is opened again by the next call.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key
from securesystemslib.signer import Key, SSlibKey  # type: ignore[attr-defined]

from bonded.adapters.signer_key import cause_of, check_signatures
from bonded.seams import SignerUnusable

NO_PIN = "the token asks for a PIN: put it into a file and name that in `signer.pin_file`"
WORDS = {
    "PinIncorrect": "the PIN in `signer.pin_file` is wrong",
    "PinInvalid": "the PIN in `signer.pin_file` is wrong",
    "PinLenRange": "the PIN in `signer.pin_file` has a wrong length",
    "PinLocked": "the PIN is locked after too many wrong ones: unlock it with the security officer's PIN",
    "PinExpired": "the PIN has expired",
    "UserPinNotInitialized": "the token has no user PIN yet",
    "UserNotLoggedIn": NO_PIN,
    "NoSuchToken": "there is no such token: is it plugged in, is its label right?",
    "MultipleTokensReturned": "several tokens fit: name one with ?label=",
    "TokenNotPresent": "the token is not there",
    "DeviceRemoved": "the token was removed",
    "NoSuchKey": "it holds no such key",
    "MultipleObjectsReturned": "it holds several keys of that id",
    "SessionCount": "the token is busy: it has no session left",
    "DeviceMemory": "the token is busy: it has no memory left",
}
"""What goes wrong with tokens, by the name of python-pkcs11's exception."""


class HsmKey:
    """A key pair in a token: EC on P-256 or P-384 (TUF scheme ecdsa-sha2-nistp256 or -nistp384), or Ed25519.

    Raises SignerUnusable when it cannot be opened: module, token, PIN or key missing or wrong.
    """

    def __init__(self, module: str, token: str, key_id: int, pin: Callable[[], str | None]) -> None:
        self._module, self._token, self._id, self._pin = module, token, key_id, pin
        self._what = f"the token {token or '(any)'}, key {key_id},"
        self._turn = _turn_of(module)
        self._session: Any = None
        self._private: Any = None
        with self._turn:
            self._key = self._open()
        self.keyid: str = self._key.keyid
        self.public: dict[str, Any] = self._key.to_dict()

    def sign(self, payloads: Sequence[bytes]) -> list[bytes]:
        with self._turn:
            if self._session is None and self._open().keyid != self.keyid:
                self._close()
                raise SignerUnusable(f"{self._what} is another key than before")
            try:
                made = [self._one(payload) for payload in payloads]
            except Exception as error:
                self._close()
                raise self._unusable(error) from error
        check_signatures(self._key, payloads, made, self._what)
        return made

    def _one(self, payload: bytes) -> bytes:
        import pkcs11

        scheme = self.public["scheme"]
        if scheme == "ed25519":
            return bytes(self._private.sign(payload, mechanism=pkcs11.Mechanism.EDDSA))
        digest = hashlib.new(f"sha{scheme[-3:]}", payload).digest()
        raw = bytes(self._private.sign(digest, mechanism=pkcs11.Mechanism.ECDSA))
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))

    def _open(self) -> Key:
        """A session that is logged in, the private key in it, and the public key. Raises SignerUnusable."""
        try:
            import pkcs11
        except ImportError:
            raise SignerUnusable("keys in tokens need python-pkcs11: install bonded[hsm]") from None
        if not Path(self._module).is_file():
            raise SignerUnusable(
                f"`signer.pkcs11_module` is {self._module or 'not set'}: name the token's PKCS#11 library"
            )
        try:
            token = pkcs11.lib(self._module).get_token(
                token_label=self._token or None, token_flags=pkcs11.TokenFlag.TOKEN_INITIALIZED
            )
            self._session = self._login(token)
            key_id = self._id.to_bytes((self._id.bit_length() + 7) // 8 or 1, "big")
            public = load_public(self._session.get_key(pkcs11.ObjectClass.PUBLIC_KEY, id=key_id))
            self._private = self._session.get_key(pkcs11.ObjectClass.PRIVATE_KEY, id=key_id)
        except Exception as error:
            self._close()
            raise self._unusable(error) from error
        return public

    def _login(self, token: Any) -> Any:
        """A session. A login holds for all sessions of a process with one token, so the second key finds it done."""
        from pkcs11.exceptions import UserAlreadyLoggedIn

        try:
            return token.open(user_pin=self._pin())
        except UserAlreadyLoggedIn:
            return token.open()

    def _close(self) -> None:
        session, self._session, self._private = self._session, None, None
        if session is not None:
            with contextlib.suppress(Exception):  # it is closed because it is broken
                session.close()

    def _unusable(self, error: Exception) -> SignerUnusable:
        if isinstance(error, SignerUnusable):
            return error
        words = WORDS.get(type(error).__name__)
        if words == WORDS["NoSuchKey"] and self._pin() is None:
            words = NO_PIN  # private objects are invisible before the login
        return SignerUnusable(f"{self._what} cannot be used: {words or cause_of(error) or type(error).__name__}")


_turns: dict[str, threading.Lock] = {}
_first = threading.Lock()


def _turn_of(module: str) -> threading.Lock:
    """One lock for each PKCS#11 library: python-pkcs11 does not ask it to expect several threads, and they crash it."""
    with _first:
        return _turns.setdefault(module, threading.Lock())


def load_public(found: Any) -> SSlibKey:
    """A public key object of a token as TUF's. Raises SignerUnusable for a kind that TUF has no scheme for."""
    import pkcs11
    from pkcs11.util.ec import encode_ec_public_key

    if found.key_type == pkcs11.KeyType.EC_EDWARDS:
        point = bytes(found[pkcs11.Attribute.EC_POINT])
        return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(point[-32:]))
    if found.key_type == pkcs11.KeyType.EC:
        public = load_der_public_key(encode_ec_public_key(found))
        if isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1 | SECP384R1):
            return SSlibKey.from_crypto(public)
    raise SignerUnusable(
        "the key in the token is of a kind that TUF has no scheme for: make one on P-256, P-384 or Ed25519"
    )
