"""Online keys in HashiCorp Vault's transit engine (Ed25519). URI `hv:NAME` or `hv:NAME/VERSION`.

Address, token and the rest come from Vault's own environment: VAULT_ADDR, VAULT_TOKEN, VAULT_CACERT, VAULT_NAMESPACE. A
batch is one request. Without a version the newest is used, as it was when the key was opened: a key that somebody
rotates in Vault goes on signing as the metadata list it until the settings name the new version.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

from bonded.adapters.signer_key import cause_of, check_signatures
from bonded.seams import SignerUnusable

LARGEST = 8 * 1024 * 1024
"""Bytes of payloads in one request; Vault refuses more than 32 MiB, and base64 adds a third."""
T = TypeVar("T")


class VaultKey:
    """One version of a transit key. Raises SignerUnusable when Vault cannot be reached, denies, or has no such key."""

    def __init__(self, name: str, version: int | None, timeout: float) -> None:
        try:
            import hvac
        except ImportError:
            raise SignerUnusable("keys in Vault need hvac: install bonded[vault]") from None
        if not os.environ.get("VAULT_ADDR"):
            raise SignerUnusable("keys in Vault need VAULT_ADDR and VAULT_TOKEN in the signer's environment")
        self._name, self._what, self._timeout = name, f"Vault's key {name}", timeout
        # hvac reads the namespace from the environment in its newest versions only.
        self._client = hvac.Client(timeout=timeout, namespace=os.environ.get("VAULT_NAMESPACE"))
        data = self._asked(lambda: self._client.secrets.transit.read_key(name))["data"]
        self._version, self._key = _version_of(data, name, version)
        self.keyid: str = self._key.keyid
        self.public: dict[str, Any] = self._key.to_dict()

    def sign(self, payloads: Sequence[bytes]) -> list[bytes]:
        made: list[bytes] = []
        for batch in batches(payloads, LARGEST):
            items = [{"input": b64encode(payload).decode()} for payload in batch]
            answer = self._asked(lambda items=items: self._sign(items))  # type: ignore[misc]
            made += [self._signature(result) for result in answer["data"]["batch_results"]]
        if len(made) != len(payloads):
            raise SignerUnusable(f"{self._what} made {len(made)} signatures for {len(payloads)} payloads")
        check_signatures(self._key, payloads, made, self._what)
        return made

    def _sign(self, items: list[dict[str, str]]) -> Any:
        return self._client.secrets.transit.sign_data(self._name, key_version=self._version, batch_input=items)

    def _signature(self, result: dict[str, Any]) -> bytes:
        """From "vault:v3:BASE64"."""
        if result.get("error"):
            raise SignerUnusable(f"{self._what} did not sign: {result['error']}")
        return b64decode(result["signature"].rpartition(":")[2])

    def _asked(self, ask: Callable[[], T]) -> T:
        import requests
        from hvac import exceptions

        try:
            return ask()
        except exceptions.InvalidPath:
            raise SignerUnusable(f"{self._what} does not exist (transit engine)") from None
        except exceptions.Forbidden:
            raise SignerUnusable(
                f"{self._what}: Vault denies it to this token (VAULT_TOKEN; policy transit/sign)"
            ) from None
        except exceptions.VaultDown:
            raise SignerUnusable(f"{self._what} cannot be used: Vault is sealed") from None
        except requests.Timeout:
            raise SignerUnusable(f"{self._what} did not answer within {self._timeout:g} seconds") from None
        except requests.ConnectionError:
            raise SignerUnusable(f"Vault cannot be reached at {os.environ['VAULT_ADDR']} (VAULT_ADDR)") from None
        except (exceptions.VaultError, requests.RequestException) as error:
            raise SignerUnusable(f"{self._what} cannot be used: {cause_of(error)}") from error


def _version_of(data: dict[str, Any], name: str, version: int | None) -> tuple[int, SSlibKey]:
    """The version asked for, or the newest, and its public key. Raises SignerUnusable."""
    if data.get("type") != "ed25519":
        raise SignerUnusable(f"Vault's key {name} is of type {data.get('type')}: make one of type ed25519")
    chosen = version or max(map(int, data["keys"]))
    found = data["keys"].get(str(chosen))
    if found is None:
        raise SignerUnusable(f"Vault's key {name} has no version {chosen}")
    return chosen, SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(b64decode(found["public_key"])))


def batches(payloads: Sequence[bytes], largest: int) -> list[list[bytes]]:
    """`payloads` in order, in runs of at most `largest` bytes, a longer one alone."""
    found: list[list[bytes]] = []
    size = 0
    for payload in payloads:
        if not found or size + len(payload) > largest:
            found.append([])
            size = 0
        found[-1].append(payload)
        size += len(payload)
    return found
