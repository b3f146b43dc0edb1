"""Online keys in Google Cloud KMS (ECDSA, RSA). URI `gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V`.

`?endpoint=HOST` names another address of the service, such as a private one. Credentials are Google's application
default. Spoken to over HTTPS: gRPC's threads do not survive a fork. Only the digest is sent.
"""

from __future__ import annotations

from typing import Any

from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import GCPSigner, SSlibKey  # type: ignore[attr-defined]

from bonded.adapters.signer_key import RemoteKey, cause_of
from bonded.seams import SignerUnusable


def gcp_key(name: str, endpoint: str, timeout: float) -> RemoteKey:
    """The key version `name`. Raises SignerUnusable when KMS cannot be reached, denies, or the key cannot sign."""
    what = f"Google KMS key {name}"
    try:
        client = _client(endpoint)
        public = _public(client, name, timeout)
        signer = GCPSigner(name, public)
    except (ImportError, UnsupportedLibraryError):
        raise SignerUnusable("keys in Google KMS need google-cloud-kms: install bonded[kms]") from None
    except SignerUnusable:
        raise
    except Exception as error:  # google-api-core and google-auth have families of their own
        raise SignerUnusable(f"{what} cannot be used: {cause_of(error)}") from error
    signer.client = _Bounded(client, timeout)

    def one(payload: bytes) -> bytes:
        return bytes.fromhex(signer.sign(payload).signature)

    return RemoteKey(public, one, what, timeout)


class _Bounded:
    """A client whose calls end: the library's own waits go on for a minute and more."""

    def __init__(self, client: Any, timeout: float) -> None:
        self._client, self._timeout = client, timeout

    def asymmetric_sign(self, request: Any) -> Any:
        return self._client.asymmetric_sign(request, timeout=self._timeout)


def _client(endpoint: str) -> Any:
    from google.cloud import kms

    options = {"api_endpoint": endpoint} if endpoint else {}
    return kms.KeyManagementServiceClient(transport="rest", client_options=options)


def _public(client: Any, name: str, timeout: float) -> SSlibKey:
    """The public key with the TUF scheme of its algorithm. Raises SignerUnusable for one that TUF has no scheme for."""
    from securesystemslib.signer._gcp_signer import KEYTYPES_AND_SCHEMES
    from securesystemslib.signer._utils import compute_default_keyid

    answer = client.get_public_key({"name": name}, timeout=timeout)
    if answer.algorithm not in KEYTYPES_AND_SCHEMES:
        raise SignerUnusable(f"Google KMS key {name} is of a kind that TUF has no scheme for: {answer.algorithm.name}")
    keytype, scheme = KEYTYPES_AND_SCHEMES[answer.algorithm]
    value = {"public": answer.pem}
    return SSlibKey(compute_default_keyid(keytype, scheme, value), keytype, scheme, value)
