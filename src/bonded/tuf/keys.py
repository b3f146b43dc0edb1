"""Making keys in files. Only the online key, and development keys, are ever made on the host of the index."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]


def make_key(path: Path, passphrase: bytes | None) -> CryptoSigner:
    """Make an Ed25519 key and write it to `path` (mode 0600), encrypted by `passphrase`; None only for development.

    Raises FileExistsError: a key is never overwritten.
    """
    signer = CryptoSigner.generate_ed25519()
    pem = signer.private_bytes if passphrase is None else _encrypted(signer.private_bytes, passphrase)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return signer


def _encrypted(pem: bytes, passphrase: bytes) -> bytes:
    key = load_pem_private_key(pem, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))
