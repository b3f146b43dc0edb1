"""A security device made of software: what an authenticator answers (WebAuthn level 3, 6.1 and 6.5), for tests without a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(raw: bytes) -> str:
    """base64url without padding, as WebAuthn writes bytes."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class SoftDevice:
    """One passkey for `origin`. `answer` is the signature of the newest answer, as it is sent."""

    def __init__(self, origin: str, rp_id: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._origin, self._rp = origin, hashlib.sha256(rp_id.encode()).digest()
        self.credential = secrets.token_bytes(32)
        self.count = 0
        self.answer = ""

    @property
    def secret(self) -> bytes:
        """The private key, which never leaves the device."""
        return self._key.private_numbers().private_value.to_bytes(32, "big")

    def create(self, options: str) -> str:
        """What `navigator.credentials.create` gives, as JSON."""
        point = self._key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + cbor2.dumps(public)
        data = self._data(PRESENT | VERIFIED | ATTESTED) + attested
        said = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {"attestationObject": text(said), "transports": ["internal"]}
        return self._said("webauthn.create", options, response, {"credProps": {"rk": True}})

    def get(self, options: str) -> str:
        """What `navigator.credentials.get` gives, as JSON."""
        self.count += 1
        data = self._data(PRESENT | VERIFIED)
        client = self._client("webauthn.get", options)
        signed = self._key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        self.answer = text(signed)
        response = {"authenticatorData": text(data), "signature": self.answer}
        return self._said("webauthn.get", options, response, {})

    def _data(self, flags: int) -> bytes:
        return self._rp + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, options: str) -> bytes:
        challenge = json.loads(options)["challenge"]
        return json.dumps({"type": kind, "challenge": challenge, "origin": self._origin, "crossOrigin": False}).encode()

    def _said(self, kind: str, options: str, response: dict[str, Any], extensions: dict[str, Any]) -> str:
        name = text(self.credential)
        response = {"clientDataJSON": text(self._client(kind, options))} | response
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "response": response,
                "clientExtensionResults": extensions,
            }
        )
