"""A whole signing service on this machine: certificate authority, log of certificates, log of signatures, trusted root.

Its attestations (PEP 740) are real: an identity gets a certificate for ten minutes, both logs sign that they have it, and the
verifier of the index checks all of it as it would those of the public service. Nothing here touches the network.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from pypi_attestations import AttestationType

PUBLISH = AttestationType.PYPI_PUBLISH_V1.value
SLSA = AttestationType.SLSA_PROVENANCE_V1.value
GITHUB = "https://token.actions.githubusercontent.com"
IN_TOTO = "application/vnd.in-toto+json"
ORIGIN = "log.example.invalid - 1"
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
ARC = "1.3.6.1.4.1.57264.1"
ISSUER, BUILD_CONFIG, REPOSITORY, COMMIT, REF = (f"{ARC}.{n}" for n in (8, 18, 12, 13, 14))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def github(repository: str, workflow: str = "release.yml", commit: str = "a" * 40) -> dict[str, str]:
    """What the certificate of a build at GitHub says of it, by object identifier."""
    return {
        ISSUER: GITHUB,
        BUILD_CONFIG: f"https://github.com/{repository}/.github/workflows/{workflow}@refs/tags/v1",
        REPOSITORY: f"https://github.com/{repository}",
        COMMIT: commit,
        REF: "refs/tags/v1",
    }


def statement(filename: str, sha256: str, kind: str = PUBLISH) -> dict[str, Any]:
    """What is signed, as in-toto has it."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": filename, "digest": {"sha256": sha256}}],
        "predicateType": kind,
        "predicate": None,
    }


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _public(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def _utf8(text: str) -> bytes:
    data = text.encode()
    length = bytes([len(data)]) if len(data) < 128 else bytes([0x81, len(data)])
    return b"\x0c" + length + data


@dataclass
class Instance:
    """One such service, with keys of its own."""

    authority: ec.EllipticCurvePrivateKey = field(default_factory=_key)
    certificates: ec.EllipticCurvePrivateKey = field(default_factory=_key)
    signatures: ec.EllipticCurvePrivateKey = field(default_factory=_key)

    def __post_init__(self) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the tests")])
        public = self.authority.public_key()
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.root = (
            x509.CertificateBuilder(name, name, public, 1, SINCE, SINCE + timedelta(days=36_500))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self.authority, hashes.SHA256())
        )

    def trusted_root(self, path: Path) -> Path:
        """Write what a verifier must trust, in Sigstore's form."""
        value = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self._log("https://log.example.invalid", self.signatures)],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "tests", "commonName": "authority of the tests"},
                    "uri": "https://authority.example.invalid",
                    "certChain": {"certificates": [{"rawBytes": b64(self.root.public_bytes(Encoding.DER))}]},
                    "validFor": {"start": "2020-01-01T00:00:00Z"},
                }
            ],
            "ctlogs": [self._log("https://certificates.example.invalid", self.certificates)],
            "timestampAuthorities": [],
        }
        path.write_text(json.dumps(value))
        return path

    @staticmethod
    def _log(url: str, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
        return {
            "baseUrl": url,
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": b64(_public(key)),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": {"start": "2020-01-01T00:00:00Z"},
            },
            "logId": {"keyId": b64(hashlib.sha256(_public(key)).digest())},
        }

    def attest(
        self, filename: str, sha256: str, claims: dict[str, str], at: datetime, kind: str = PUBLISH
    ) -> dict[str, Any]:
        """An attestation by whoever these claims are of, that they published this file."""
        return self.attest_statement(statement(filename, sha256, kind), claims, at)

    def attest_statement(
        self, said: dict[str, Any], claims: dict[str, str], at: datetime, *, logged: datetime | None = None
    ) -> dict[str, Any]:
        """The same for any statement; `logged` where the log has it at another time than the certificate is of."""
        key, payload = _key(), json.dumps(said).encode()
        certificate = self.certificate(key, claims, at)
        signature = _sign(key, b"DSSEv1 %d %s %d %s" % (len(IN_TOTO), IN_TOTO.encode(), len(payload), payload))
        return {
            "version": 1,
            "verification_material": {
                "certificate": b64(certificate.public_bytes(Encoding.DER)),
                "transparency_entries": [self._entry(payload, signature, certificate, logged or at)],
            },
            "envelope": {"statement": b64(payload), "signature": b64(signature)},
        }

    def certificate(self, key: ec.EllipticCurvePrivateKey, claims: dict[str, str], at: datetime) -> x509.Certificate:
        """A certificate for ten minutes, with the promise of the log of certificates inside."""
        begin = at - timedelta(minutes=1)
        subject = claims.get(BUILD_CONFIG, "https://nobody.example.invalid")
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        builder = (
            x509.CertificateBuilder(
                self.root.subject, x509.Name([]), key.public_key(), 7, begin, begin + timedelta(minutes=10)
            )
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key()), critical=False
            )
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(subject)]), critical=True)
        )
        for oid, value in claims.items():
            builder = builder.add_extension(x509.UnrecognizedExtension(ObjectIdentifier(oid), _utf8(value)), False)
        promised = self._promise(builder.sign(self.authority, hashes.SHA256()).tbs_certificate_bytes, at)
        oid = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, promised), critical=False)
        return builder.sign(self.authority, hashes.SHA256())

    def _promise(self, body: bytes, at: datetime) -> bytes:
        """A list of one signed certificate timestamp (RFC 6962, 3.3), as the extension holds it."""
        moment = int(at.timestamp() * 1000)
        issuer = hashlib.sha256(_public(self.authority)).digest()
        entry = issuer + len(body).to_bytes(3, "big") + body
        signature = _sign(self.certificates, struct.pack("!BBQH", 0, 0, moment, 1) + entry + b"\x00\x00")
        log = hashlib.sha256(_public(self.certificates)).digest()
        one = (
            b"\x00" + log + struct.pack("!QH", moment, 0) + b"\x04\x03" + struct.pack("!H", len(signature)) + signature
        )
        listed = struct.pack("!HH", len(one) + 2, len(one)) + one
        return b"\x04" + (bytes([len(listed)]) if len(listed) < 128 else bytes([0x81, len(listed)])) + listed

    def _entry(self, payload: bytes, signature: bytes, certificate: x509.Certificate, at: datetime) -> dict[str, Any]:
        """The entry of the log of signatures: second of two, with proof of inclusion, signed head and promise."""
        own = b64(certificate.public_bytes(Encoding.PEM))
        body = json.dumps(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(b"envelope").hexdigest()},
                    "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
                    "signatures": [{"signature": b64(signature), "verifier": own}],
                },
            }
        ).encode()
        first = hashlib.sha256(b"\x00first").digest()
        root = hashlib.sha256(b"\x01" + first + hashlib.sha256(b"\x00" + body).digest()).digest()
        log = hashlib.sha256(_public(self.signatures)).digest()
        note = f"{ORIGIN}\n2\n{b64(root)}\n"
        head = f"{note}\n\u2014 {ORIGIN.split()[0]} {b64(log[:4] + _sign(self.signatures, note.encode()))}\n"
        moment = int(at.timestamp())
        promised = {"body": b64(body), "integratedTime": moment, "logID": log.hex(), "logIndex": 1}
        canonical = json.dumps(promised, sort_keys=True, separators=(",", ":")).encode()
        return {
            "logIndex": "1",
            "logId": {"keyId": b64(log)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(moment),
            "inclusionPromise": {"signedEntryTimestamp": b64(_sign(self.signatures, canonical))},
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": b64(root),
                "treeSize": "2",
                "hashes": [b64(first)],
                "checkpoint": {"envelope": head},
            },
            "canonicalizedBody": b64(body),
        }
