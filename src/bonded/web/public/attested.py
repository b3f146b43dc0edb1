"""What a file's provenance says, for its page: which build made it, from what, and where that is on record. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography import x509

COMMIT, REF, RUN = (f"1.3.6.1.4.1.57264.1.{n}" for n in (13, 14, 21))
"""Claims of signing certificates: digest of the source, branch or tag, address of the run."""
HOSTS = {"GitHub": "https://github.com/", "GitLab": "https://gitlab.com/"}
KINDS = {"/attestations/publish/v1": "publish", "/provenance/v1": "slsa"}
"""How the addresses of known kinds end."""


@dataclass(frozen=True, slots=True)
class Attested:
    """One attestation. "" for what it does not say. `kind` is publish, slsa, or an address; `entry` its number in the log of
    signatures; `link` leads into the repository."""

    kind: str
    service: str
    source: str
    link: str
    workflow: str
    environment: str
    commit: str
    ref: str
    run: str
    entry: str


def attested(bundles: list[dict[str, Any]]) -> list[Attested]:
    """Every attestation of a file, in order."""
    return [_one(bundle["publisher"], one) for bundle in bundles for one in bundle["attestations"]]


def _one(publisher: Mapping[str, Any], attestation: Mapping[str, Any]) -> Attested:
    material = attestation["verification_material"]
    said = orjson.loads(base64.b64decode(attestation["envelope"]["statement"]))
    claims = _claims(base64.b64decode(material["certificate"]))
    service = str(publisher["kind"])
    repository = str(publisher.get("repository") or "")
    link = f"{HOSTS[service]}{repository}" if repository and service in HOSTS else ""
    run = claims.get(RUN, "")
    return Attested(
        kind=_kind(str(said["predicateType"])),
        service=service,
        source=repository or str(publisher.get("email") or publisher.get("project_id") or ""),
        link=link,
        workflow=str(publisher.get("workflow") or publisher.get("workflow_filepath") or ""),
        environment=str(publisher.get("environment") or ""),
        commit=claims.get(COMMIT, ""),
        ref=claims.get(REF, ""),
        run=run if link and run.startswith(f"{link}/") else "",
        entry=str(material["transparency_entries"][0].get("logIndex", "")),
    )


def _kind(address: str) -> str:
    return next((kind for end, kind in KINDS.items() if address.endswith(end)), address)


def _claims(certificate: bytes) -> dict[str, str]:
    """Claims by object identifier, as far as they are short texts."""
    found = {}
    for extension in x509.load_der_x509_certificate(certificate).extensions:
        value = getattr(extension.value, "value", b"")
        if isinstance(value, bytes) and value[:1] == b"\x0c" and len(value) > 2:
            skipped = 2 if value[1] < 0x80 else 2 + (value[1] & 0x7F)
            found[extension.oid.dotted_string] = value[skipped:].decode("utf-8", "replace")
    return found
