"""A build service on loopback: it lists its keys as real ones do, signs identities, and counts who asks."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from bonded.accounts.oidc import Issuer, TrustedPublishing
from bonded.accounts.oidc_keys import IssuerKeys
from bonded.accounts.oidc_shapes import GITHUB, Shape
from bonded.web.api.oidc_documents import fetcher

AUDIENCE = "index.example.invalid"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
WEAK = rsa.generate_private_key(65537, 1024)
CLAIMS = {
    "repository": "octo/tool",
    "repository_owner": "octo",
    "repository_id": "1001",
    "repository_owner_id": "7",
    "job_workflow_ref": "octo/tool/.github/workflows/release.yml@refs/tags/v1",
    "ref": "refs/tags/v1",
    "environment": "release",
}
"""What a build of octo/tool says of itself."""
_numbers = itertools.count(1)


def public(key: Any, kid: str, **more: str) -> dict[str, Any]:
    """A public key as a service lists it."""
    for algorithm, kind in ((RSAAlgorithm, rsa.RSAPrivateKey), (ECAlgorithm, ec.EllipticCurvePrivateKey)):
        if isinstance(key, kind):
            return algorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "use": "sig"} | more
    return OKPAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "use": "sig"} | more


KEYS = [public(RSA, "rsa", alg="RS256"), public(EC, "ec"), public(ED, "ed"), public(WEAK, "weak")]


@dataclass
class Service:
    """What the service says at which path, and what it was asked for."""

    url: str = ""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    shape: Shape = GITHUB
    repository: str = "octo/tool"

    def list_keys(self, keys: list[dict[str, Any]]) -> None:
        said = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.answers["/.well-known/openid-configuration"] = (200, json.dumps(said).encode())
        self.answers["/keys"] = (200, json.dumps({"keys": keys}).encode())

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def trusted(self, **more: Any) -> TrustedPublishing:
        """An index that trusts this service."""
        keys = IssuerKeys(fetcher((self.host,), 5.0))
        issuer = Issuer(self.url, "Loopback builds", self.shape)
        return TrustedPublishing(**({"audience": AUDIENCE, "issuers": (issuer,), "key_of": keys.key_of} | more))

    def claims(self, now: datetime, **changed: Any) -> dict[str, Any]:
        """Those of a build of octo/tool by release.yml; None takes one away."""
        said = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "repo:octo/tool:environment:release",
            "jti": f"id-{next(_numbers)}",
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + timedelta(minutes=5)).timestamp()),
            "repository": self.repository,
            "repository_owner": "octo",
            "repository_id": "1001",
            "repository_owner_id": "7",
            "job_workflow_ref": f"{self.repository}/.github/workflows/release.yml@refs/tags/v1",
            "ref": "refs/tags/v1",
            "sha": "0" * 40,
            "environment": "release",
        } | changed
        return {name: value for name, value in said.items() if value is not None}

    def identity(
        self, now: datetime, *, key: Any = RSA, kid: str | None = "rsa", algorithm: str = "RS256", **changed: Any
    ) -> str:
        """A signed identity."""
        headers = {} if kid is None else {"kid": kid}
        said = json.dumps(self.claims(now, **changed)).encode()
        return jwt.PyJWS().encode(said, key, algorithm=algorithm, headers={"typ": "JWT"} | headers)


@contextmanager
def serving() -> Iterator[Service]:
    """The service, listening on loopback."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            service.asked.append(self.path)
            status, body = service.answers.get(self.path.partition("?")[0], (404, b"{}"))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", body.decode())
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: the tests read `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}"
    service.list_keys(KEYS)
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
