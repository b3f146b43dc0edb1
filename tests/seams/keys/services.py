"""Key services on loopback, at the level of their wire protocols: Vault's transit engine, Google Cloud KMS, Azure Key Vault.

Each holds a real key and signs for real. `mood` makes it behave badly: "denied", "sealed", "slow", "gone" (answers nothing).
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

SLOW = 60.0
"""Seconds that a slow service takes: much longer than whoever speaks with one waits."""


class Service(ABC):
    """A server; `do(method, path, headers, body)` gives (status, extra headers, JSON)."""

    def __init__(self) -> None:
        self.mood = ""
        self.asked: list[str] = []
        self.over = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(size)
                left = service.mood == "slow" and service.over.wait(SLOW)
                if left or service.mood == "gone":
                    self.close_connection = True
                    return
                is_json = "json" in self.headers.get("Content-Type", "")
                body = json.loads(raw) if raw and is_json else {}
                service.asked.append(self.path)
                status, extra, value = service.do(self.command, self.path, self.headers, body)
                data = json.dumps(value).encode()
                self.send_response(status)
                for name, word in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(data)),
                    **extra,
                }.items():
                    self.send_header(name, word)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = _any  # noqa: N815

            def log_message(self, *args: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]

    @abstractmethod
    def do(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        """What this service answers."""

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.over.set()
            self.server.shutdown()
            self.server.server_close()


class Vault(Service):
    """The transit engine: GET /v1/transit/keys/NAME, POST /v1/transit/sign/NAME with `input` or `batch_input`."""

    token = "s.test"

    def __init__(self, versions: int = 2) -> None:
        super().__init__()
        self.keys = {number: Ed25519PrivateKey.generate() for number in range(1, versions + 1)}

    def do(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        if self.mood == "sealed":
            return 503, {}, {"errors": ["Vault is sealed"]}
        if headers.get("X-Vault-Token") != self.token or self.mood == "denied":
            return 403, {}, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
        if (method, path) == ("GET", "/v1/transit/keys/online"):
            keys = {str(n): {"public_key": base64.b64encode(_raw(key)).decode()} for n, key in self.keys.items()}
            return 200, {}, {"data": {"name": "online", "type": "ed25519", "keys": keys, "latest_version": len(keys)}}
        if (method, path) == ("POST", "/v1/transit/sign/online"):
            return 200, {}, {"data": self._signed(body)}
        return 404, {}, {"errors": []}

    def _signed(self, body: dict[str, Any]) -> dict[str, Any]:
        version = body.get("key_version") or len(self.keys)

        def one(text: str) -> dict[str, str]:
            made = self.keys[version].sign(base64.b64decode(text))
            return {"signature": f"vault:v{version}:{base64.b64encode(made).decode()}"}

        if body.get("batch_input"):
            return {"batch_results": [one(item["input"]) for item in body["batch_input"]]}
        return one(body["input"])


class Google(Service):
    """Cloud KMS in the JSON form of its API, for callers whose token a service account's key has signed."""

    name = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"

    def __init__(self) -> None:
        super().__init__()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.account_key = rsa.generate_private_key(65537, 2048)

    def do(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        path = path.partition("?")[0]
        if not self._knows(headers.get("Authorization", "")):
            return 401, {}, {"error": {"code": 401, "message": "invalid credentials", "status": "UNAUTHENTICATED"}}
        if self.mood == "denied":
            words = "Permission 'cloudkms.cryptoKeyVersions.useToSign' denied"
            return 403, {}, {"error": {"code": 403, "message": words, "status": "PERMISSION_DENIED"}}
        if path == f"/v1/{self.name}/publicKey":
            return 200, {}, {"name": self.name, "pem": _pem(self.key), "algorithm": "EC_SIGN_P256_SHA256"}
        if path == f"/v1/{self.name}:asymmetricSign":
            digest = base64.b64decode(body["digest"]["sha256"])
            made = self.key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))
            return 200, {}, {"name": self.name, "signature": base64.b64encode(made).decode()}
        return 404, {}, {"error": {"code": 404, "message": f"{path} not found", "status": "NOT_FOUND"}}

    def _knows(self, words: str) -> bool:
        """Whether the token is a JWT that the account signed (RS256)."""
        head, _, signature = words.removeprefix("Bearer ").rpartition(".")
        try:
            made = base64.urlsafe_b64decode(signature + "==")
            self.account_key.public_key().verify(made, head.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return False
        return True

    def account(self, folder: Path) -> Path:
        """The service account's key file."""
        private = self.account_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        value = {"type": "service_account", "client_email": "signer@p.invalid", "private_key": private}
        (folder / "account.json").write_text(json.dumps(value | {"token_uri": "http://127.0.0.1:9/token"}))
        return folder / "account.json"


class Azure(Service):
    """Key Vault with its challenge, over TLS with a certificate of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = _certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, folder / "tls.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def do(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        path = path.partition("?")[0]
        if headers.get("Authorization") != "Bearer a.test":
            # The library wants the resource to be a parent domain of the vault's.
            challenge = (
                f'Bearer authorization="https://login.invalid/t", resource="https://{self.host.partition(".")[2]}"'
            )
            return 401, {"WWW-Authenticate": challenge}, {"error": {"code": "Unauthorized", "message": "no token"}}
        if self.mood == "denied":
            return 403, {}, {"error": {"code": "Forbidden", "message": "The user does not have keys sign permission"}}
        kid = f"https://{self.host}/keys/online/v1"
        if method == "GET" and path in ("/keys/online/v1", "/keys/online/", "/keys/online"):
            point = self.key.public_key().public_numbers()
            jwk = {"kid": kid, "kty": "EC", "crv": "P-256", "key_ops": ["sign", "verify"]}
            jwk |= {"x": _url64(point.x.to_bytes(32, "big")), "y": _url64(point.y.to_bytes(32, "big"))}
            return 200, {}, {"key": jwk, "attributes": {"enabled": True}}
        if path == "/keys/online/v1/sign" and body["alg"] == "ES256":
            digest = base64.urlsafe_b64decode(body["value"] + "==")
            r, s = decode_dss_signature(self.key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()))))
            return 200, {}, {"kid": kid, "value": _url64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))}
        return 404, {}, {"error": {"code": "KeyNotFound", "message": f"{path} was not found"}}


class Identity(Service):
    """The managed identity endpoint of an Azure host, where tokens come from."""

    def do(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        if headers.get("X-IDENTITY-HEADER") != "i.test":
            return 401, {}, {}
        return 200, {}, {"access_token": "a.test", "expires_on": str(int(time.time()) + 3600), "token_type": "Bearer"}


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "tls.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "tls.pem"
