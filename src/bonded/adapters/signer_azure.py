"""Online keys in Azure Key Vault (EC). URI `azurekms://VAULT.vault.azure.net/keys/NAME/VERSION`.

Credentials are Azure's default chain: the environment, a managed identity, or the command-line login. Only the digest is
sent.
"""

from __future__ import annotations

import logging
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePublicNumbers,
)
from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import AzureSigner, SSlibKey  # type: ignore[attr-defined]

from bonded.adapters.signer_key import RemoteKey, cause_of
from bonded.seams import SignerUnusable

CURVES: dict[str, EllipticCurve] = {"P-256": SECP256R1(), "P-384": SECP384R1(), "P-521": SECP521R1()}


def azure_key(host: str, name: str, version: str, timeout: float) -> RemoteKey:
    """The key `name` in the vault at `host`. Raises SignerUnusable when it cannot be reached, denies, or cannot sign."""
    what = f"Azure key {name} in {host}"
    logging.getLogger("azure").setLevel(logging.WARNING)  # it has a line for each header of each request
    try:
        public, kid = _public(host, name, version, timeout)
        signer = AzureSigner(kid, public)
        signer.crypto_client = _client(kid, timeout)
    except (ImportError, UnsupportedLibraryError):
        raise SignerUnusable("keys in Azure need azure-identity and azure-keyvault-keys: install bonded[kms]") from None
    except SignerUnusable:
        raise
    except Exception as error:  # azure-core and azure-identity have families of their own
        raise SignerUnusable(f"{what} cannot be used: {cause_of(error)}") from error

    def one(payload: bytes) -> bytes:
        return bytes.fromhex(signer.sign(payload).signature)

    return RemoteKey(public, one, what, timeout)


def _waits(timeout: float) -> dict[str, Any]:
    """azure-core's own waits go on for minutes."""
    return {"connection_timeout": min(5.0, timeout), "read_timeout": timeout, "retry_total": 1}


def _client(kid: str, timeout: float) -> Any:
    from azure.identity import DefaultAzureCredential
    from azure.keyvault.keys.crypto import CryptographyClient

    return CryptographyClient(kid, credential=DefaultAzureCredential(), **_waits(timeout))


def _public(host: str, name: str, version: str, timeout: float) -> tuple[SSlibKey, str]:
    """The public key, and the address of exactly this version."""
    from azure.identity import DefaultAzureCredential
    from azure.keyvault.keys import KeyClient

    found = KeyClient(f"https://{host}", DefaultAzureCredential(), **_waits(timeout)).get_key(name, version or None)
    curve = CURVES.get(str(getattr(found.key.crv, "value", found.key.crv)))
    if curve is None:
        raise SignerUnusable(f"Azure key {name} in {host} is of a kind that TUF has no scheme for: make one on P-256")
    numbers = EllipticCurvePublicNumbers(int.from_bytes(found.key.x, "big"), int.from_bytes(found.key.y, "big"), curve)
    return SSlibKey.from_crypto(numbers.public_key()), str(found.key.kid)
